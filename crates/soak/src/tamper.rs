//! What makes a verifier wrong, to see that the checker sees: a link over which the answers are not those of the questions.

use std::sync::Mutex;
use std::time::Duration;

use cloakroom_verify::clock::{BootInstant, Clock, SystemClock};
use cloakroom_verify::feed::wire::sync::{News, SyncAnswer, SyncQuestion};
use cloakroom_verify::feed::wire::touch::Use;
use cloakroom_verify::remote::HttpLink;
use cloakroom_verify::remote::link::{Failed, Link, Pushed};
use cloakroom_verify::{Event, OpaqueToken, Rv};
use serde::{Deserialize, Serialize};

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
pub(crate) enum Tamper {
    /// Nothing.
    Not,
    /// Answers were read before their questions were sent, as if an answer counted from when it arrives; and nothing is
    /// pushed that would hide it.
    OldAnswers,
}

/// A link that may be wrong.
pub(crate) struct TamperedLink {
    link: HttpLink,
    /// How old an answer may be before the server is asked again; `None`: it is always asked.
    old: Option<Duration>,
    last: Mutex<Option<(BootInstant, SyncAnswer)>>,
}

impl TamperedLink {
    pub(crate) fn new(link: HttpLink, tamper: Tamper, bound: Duration) -> Self {
        let old = match tamper {
            Tamper::Not => None,
            Tamper::OldAnswers => Some(bound * 2),
        };
        Self { link, old, last: Mutex::new(None) }
    }

    fn remembered(&self, question: &SyncQuestion) -> Option<SyncAnswer> {
        let last = self.last.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let (asked, answer) = last.as_ref()?;
        let young = SystemClock.boot().since(*asked) < self.old?;
        young.then(|| SyncAnswer {
            nonce: question.nonce.clone(),
            news: News::Events(Vec::new()),
            ..answer.clone()
        })
    }
}

impl Link for TamperedLink {
    type Pushed = MaybePushed;
    type Snapshot = <HttpLink as Link>::Snapshot;

    async fn sync(&self, question: &SyncQuestion) -> Result<SyncAnswer, Failed> {
        if let Some(answer) = self.remembered(question) {
            return Ok(answer);
        }
        let asked = SystemClock.boot();
        let answer = self.link.sync(question).await?;
        *self.last.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some((asked, answer.clone()));
        Ok(answer)
    }

    async fn stream(&self, after: Option<Rv>) -> Result<MaybePushed, Failed> {
        let stream = self.link.stream(after).await?;
        Ok(if self.old.is_none() { MaybePushed::Pushed(stream) } else { MaybePushed::Never })
    }

    async fn snapshot(&self) -> Result<Self::Snapshot, Failed> {
        self.link.snapshot().await
    }

    async fn introspect(&self, token: &OpaqueToken) -> Result<Vec<u8>, Failed> {
        self.link.introspect(token).await
    }

    async fn touch(&self, uses: &[Use]) -> Result<(), Failed> {
        self.link.touch(uses).await
    }

    async fn jwks(&self) -> Result<Vec<u8>, Failed> {
        self.link.jwks().await
    }
}

/// A stream, or one on which nothing comes.
pub(crate) enum MaybePushed {
    Pushed(<HttpLink as Link>::Pushed),
    Never,
}

impl Pushed for MaybePushed {
    async fn next(&mut self) -> Result<Option<Event>, Failed> {
        match self {
            Self::Pushed(stream) => stream.next().await,
            Self::Never => std::future::pending().await,
        }
    }
}
