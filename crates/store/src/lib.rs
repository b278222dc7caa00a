//! The shelves of Cloakroom.
