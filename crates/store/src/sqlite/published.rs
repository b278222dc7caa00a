//! A head that others can have heard of, kept beside the database and renewed each minute: `FILE.head`, 16 hex digits.
//!
//! A backup that is put back does not know what ended after it was made. Its head is older than the one in this
//! file, and that is how it is noticed. Losing the file is harmless but for that; a copy of the whole folder takes it
//! along, so there `cloakroom migrate --restored` says it.

use std::path::Path;

use cloakroom_verify::Rv;

use super::lock::beside;

/// Nothing where there is none, or none that can be read.
pub(super) fn read(database: &Path) -> Option<Rv> {
    let text = std::fs::read_to_string(beside(database, "head")).ok()?;
    let head = i64::from_str_radix(text.trim(), 16).ok().and_then(Rv::from_i64);
    if head.is_none() {
        tracing::warn!("{}.head is damaged: a restored backup would not be noticed", database.display());
    }
    head
}

/// Whole or not at all, where the machine does not lose power meanwhile. Whoever cannot write it can still serve.
pub(super) fn write(database: &Path, head: Rv) {
    let (part, whole) = (beside(database, "head-part"), beside(database, "head"));
    let written = std::fs::write(&part, format!("{:016x}\n", head.as_i64()));
    if let Err(error) = written.and_then(|()| std::fs::rename(&part, &whole)) {
        tracing::warn!(%error, "{} cannot be written: a restored backup would not be noticed", whole.display());
    }
}
