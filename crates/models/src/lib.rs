//! The rules of Cloakroom under every order of events: models that an exhaustive search (`stateright`) tries to
//! break. The server step of a model calls the real rule, so that the code is checked and not a copy of it.
//!
//! * [`feed`]: how fresh a verifier is, and what may be minted (`cargo run --release -p cloakroom-models -- feed`)
//! * [`refresh`]: who is honest, who is late, who is a thief (`cargo run --release -p cloakroom-models -- refresh`)
//!
//! Nothing depends on this crate, and it is not published.

pub mod feed;
pub mod refresh;
