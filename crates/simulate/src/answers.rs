//! What a client hears, what it does with it, and what must then be so.

use cloakroom_auth::grant::{Credentials, Grant};
use cloakroom_auth::verbs::exchange::Exchange;
use cloakroom_auth::verbs::refresh::Refresh;
use cloakroom_verify::OpaqueKind;
use secrecy::ExposeSecret;

use crate::asked::{Answer, Asked, Flying, Want};
use crate::client::{Client, Held, Party};
use crate::issued::Issued;
use crate::log::{Heard, Line};
use crate::play::{Play, Played};
use crate::tally::Seen;
use crate::violation::{Broken, Violation};

impl Play<'_> {
    pub(crate) fn answered(&mut self, flying: &Flying, answer: Answer) -> Played {
        let (asked, id) = (&flying.asked, flying.asked.id);
        let granted = match answer {
            Answer::Refresh(Ok(Refresh::Granted(grant))) | Answer::Exchange(Ok(Exchange::Granted(grant))) => {
                Some(grant)
            }
            Answer::Refresh(Ok(Refresh::InvalidGrant { .. }))
            | Answer::Exchange(Ok(Exchange::InvalidToken | Exchange::StrategyNotAllowed)) => None,
            Answer::Refresh(Err(_)) | Answer::Exchange(Err(_)) | Answer::Done(Err(_)) => {
                self.log.push(Line::Heard { id, heard: Heard::Unavailable });
                self.tally.saw(Seen::Unavailable);
                self.waiting_for_help |= asked.who == Party::Owner;
                return Ok(());
            }
            Answer::Done(Ok(_)) if asked.who == Party::Forger => return Ok(()),
            Answer::Done(Ok(done)) => {
                self.log.push(Line::Heard { id, heard: Heard::Done(done) });
                return self.ended(flying, done);
            }
        };
        match granted {
            Some(grant) => self.granted(flying, &grant),
            None => self.refused(flying),
        }
    }

    fn granted(&mut self, flying: &Flying, grant: &Grant) -> Played {
        let asked = &flying.asked;
        let (kind, text, generation) = match &grant.credentials {
            Credentials::Hybrid { refresh, session, .. } => {
                (OpaqueKind::Refresh, refresh, session.generation)
            }
            Credentials::Session { token, session } => (OpaqueKind::Session, token, session.generation),
            Credentials::Jwt { .. } => return Err(Violation::new(Broken::Lie, "a grant without a row")),
        };
        let child = Held { text: text.expose_secret().into(), generation, kind };
        self.log.push(Line::Heard { id: asked.id, heard: Heard::Granted(generation) });
        if asked.who == Party::Bystander {
            self.bystander = Some(Client::new(child));
            return Ok(());
        }
        self.truth.handed_out(kind, generation, &child.text)?;
        if let Credentials::Hybrid { access, .. } = &grant.credentials {
            let minted = flying.committed.unwrap_or(self.truth.clock);
            self.issued.push(Issued::new(access.text.expose_secret(), minted));
        }
        match asked.who {
            Party::Owner => {
                if self.owner.store(&asked.token, &child) && std::mem::take(&mut self.waiting_for_help) {
                    self.tally.saw(Seen::RetryHelped);
                }
            }
            Party::Thief => {
                self.tally.saw(Seen::ThiefGranted);
                if let Some(thief) = &mut self.thief {
                    thief.store(&asked.token, &child);
                }
            }
            // Whoever delivered it again does not read the answer.
            Party::Proxy | Party::Forger | Party::Bystander => {}
        }
        Ok(())
    }

    fn refused(&mut self, flying: &Flying) -> Played {
        let asked = &flying.asked;
        self.log.push(Line::Heard { id: asked.id, heard: Heard::Refused });
        self.bites_at_once(flying)?;
        let client = match asked.who {
            Party::Owner => &mut self.owner,
            Party::Thief => match &mut self.thief {
                Some(thief) => thief,
                None => return Ok(()),
            },
            Party::Forger => {
                self.tally.saw(Seen::Forged);
                return Ok(());
            }
            Party::Proxy | Party::Bystander => return Ok(()),
        };
        let still_holds =
            client.token == asked.token && client.pending.is_none_or(|pending| pending == asked.pending());
        if !still_holds {
            // Another tab was faster: a loser's answer takes nothing away.
            return Ok(());
        }
        client.out = true;
        // What is over for good is refused by the first read: nothing was decided then.
        let late = flying.late || self.truth.over(asked.now);
        client.timed_out |= late;
        let deserved = self.truth.ended() || late || self.truth.thief_acted || self.truth.careless;
        if asked.who == Party::Owner && !deserved {
            let words = format!("request {} was refused, and nobody had ended the login", asked.id);
            return Err(Violation::new(Broken::LockOut, words));
        }
        Ok(())
    }

    fn ended(&mut self, flying: &Flying, done: bool) -> Played {
        let Asked { want, id, now, .. } = flying.asked;
        let carried_out = match want {
            Want::Logout | Want::LogoutByAccess | Want::EndOne | Want::EndAll(false) | Want::Disable => {
                self.truth.ended()
            }
            // Unless there was nothing left to keep.
            Want::EndAll(true) => done || self.truth.ended() || self.truth.over(now),
            Want::Follow => {
                self.tally.saw(Seen::FeedFollowed);
                let server = flying.asked.server;
                self.knows[server] = self.knows[server].max(flying.committed.unwrap_or(0));
                return self.check_issued(server);
            }
            Want::Roles | Want::Refresh | Want::Exchange(_) => true,
        };
        if !carried_out {
            return Err(Violation::new(Broken::Lie, format!("request {id} for {want:?} did nothing")));
        }
        self.bites_at_once(flying)
    }

    /// The server that committed an end refuses before it answers.
    fn bites_at_once(&self, flying: &Flying) -> Played {
        let Some(at) = flying.committed else { return Ok(()) };
        let own = |events: &[u32]| events.contains(&at);
        let own =
            self.truth.revoked == Some(at) || own(&self.truth.user_before) || own(&self.truth.claims_before);
        let auth = &self.servers[flying.asked.server].auth;
        for issued in self.issued.iter().filter(|issued| {
            let killed_by_it =
                self.truth.kills(issued.minted, at) && !self.truth.kills(issued.minted, at - 1);
            own && killed_by_it
        }) {
            if issued.is_live(auth) {
                let words = format!("request {} was answered before its own server knew", flying.asked.id);
                return Err(Violation::new(Broken::AliveAfterTheEnd, words));
            }
        }
        Ok(())
    }

    /// Every access token that a server must refuse by what it was told is refused, and no other.
    pub(crate) fn check_issued(&mut self, server: usize) -> Played {
        let auth = &self.servers[server].auth;
        for issued in &self.issued {
            let live = issued.is_live(auth);
            if live && self.truth.kills(issued.minted, self.knows[server]) {
                let words = format!("server {server} accepts an access token of commit {}", issued.minted);
                return Err(Violation::new(Broken::AliveAfterTheEnd, words));
            }
            if !live && !self.truth.kills(issued.minted, self.truth.clock) {
                let words = format!("server {server} refuses an access token of commit {}", issued.minted);
                return Err(Violation::new(Broken::DeadAtBirth, words));
            }
            self.tally.saw(if live { Seen::LiveChecked } else { Seen::KilledChecked });
        }
        Ok(())
    }
}
