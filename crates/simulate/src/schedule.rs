//! What happens next: one throw of the dice after the other.

use std::time::Duration;

use cloakroom_verify::{OpaqueKind, OpaqueToken};

use crate::asked::Want;
use crate::bench::{Bench, GRACE};
use crate::client::{Client, Held, Party, Pending};
use crate::gate::{Side, Step, Verdict};
use crate::log::Line;
use crate::play::{Play, Played};
use crate::settle;
use crate::tally::{Seen, Tally};
use crate::violation::Violation;

/// How many requests are under way at once.
const AT_ONCE: usize = 4;

/// A schedule that was run.
#[derive(Debug)]
pub struct Run {
    /// What decided it.
    pub seed: u64,
    /// Which promise was broken, if one was.
    pub broken: Option<Violation>,
    /// What happened, in order.
    pub log: Vec<Line>,
    /// What it met.
    pub tally: Tally,
}

/// Runs the schedule of this seed.
pub(crate) async fn run(bench: &Bench, seed: u64) -> Run {
    let mut play = match Play::begin(bench, seed).await {
        Ok(play) => play,
        Err(broken) => {
            return Run { seed, broken: Some(broken), log: Vec::new(), tally: Tally::default() };
        }
    };
    let broken = act(&mut play).await.err();
    let (log, tally) = play.end();
    Run { seed, broken, log, tally }
}

async fn act(play: &mut Play<'_>) -> Played {
    for _ in 0..play.plan.steps {
        let goes_on = play.flying.len() >= AT_ONCE || play.dice.percent(play.plan.haste);
        if goes_on && !play.flying.is_empty() {
            go_on(play).await?;
        } else {
            something_new(play);
        }
    }
    settle::settle(play).await
}

/// A waiting request does its next step, or fails, or is dropped.
async fn go_on(play: &mut Play<'_>) -> Played {
    let at = play.dice.below(play.flying.len());
    let side = play.flying[at].side;
    if side.is_none() || !play.dice.percent(play.plan.faults) {
        return play.let_on(at, Verdict::Go).await;
    }
    let written = match side {
        Some(Side::Before(Step::Write)) => true,
        Some(Side::Before(Step::Read) | Side::After(_)) | None => false,
    };
    match play.dice.below(4) {
        0 => {
            play.lose(at);
            Ok(())
        }
        1 if written => {
            play.tally.saw(Seen::Held);
            play.let_on(at, Verdict::Hold).await
        }
        2 if written => {
            play.tally.saw(Seen::FailAfter);
            play.let_on(at, Verdict::FailAfter).await
        }
        _ => {
            play.tally.saw(if written { Seen::FailBefore } else { Seen::FailRead });
            play.let_on(at, Verdict::FailBefore).await
        }
    }
}

fn something_new(play: &mut Play<'_>) {
    let plan = play.plan;
    match play.dice.below(100) {
        40..62 => time_passes(play),
        62..76 if plan.thief => thief_acts(play),
        76..84 if plan.duplicates => deliver_again(play),
        84..90 if plan.ends => end_or_change(play),
        90..92 => follow(play),
        92..94 => crash(play),
        94 => forge(play),
        95..100 if plan.troubles => trouble(play),
        _ => {
            owner_sends(play);
        }
    }
}

/// A tab renews or exchanges what the store holds, by the protocol of docs/refresh.md.
pub(crate) fn owner_sends(play: &mut Play<'_>) -> Option<usize> {
    if play.owner.out {
        return None;
    }
    let pending = prepare(play);
    let want = match pending.to {
        Some(to) => Want::Exchange(to),
        None if play.owner.token.kind == OpaqueKind::Session => return None,
        None => Want::Refresh,
    };
    if play
        .flying
        .iter()
        .any(|flying| flying.asked.who == Party::Owner && flying.asked.token == play.owner.token)
    {
        play.tally.saw(Seen::TabsRaced);
    }
    let server = play.dice.below(2);
    let token = play.owner.token.clone();
    let at = play.send(Party::Owner, want, &token, pending.attempt, server);
    play.sent.push(play.flying[at].asked.clone());
    Some(at)
}

/// The attempt is made immediately before the first send, put-if-absent: a second tab repeats the first one's.
fn prepare(play: &mut Play<'_>) -> Pending {
    if let Some(pending) = play.owner.pending {
        return pending;
    }
    let attempts = play.plan.attempts;
    // Only who can repeat it safely exchanges.
    let exchange = attempts && play.plan.exchanges && play.dice.percent(15);
    let to = match play.owner.token.kind {
        OpaqueKind::Session => Some(OpaqueKind::Refresh),
        OpaqueKind::Refresh => exchange.then_some(OpaqueKind::Session),
    };
    let pending = Pending { attempt: attempts.then(|| play.dice.bits()), to };
    play.owner.pending = Some(pending);
    pending
}

fn time_passes(play: &mut Play<'_>) {
    let milli = Duration::from_millis(1);
    let by = match play.dice.below(12) {
        0..3 => GRACE,
        3 => GRACE - milli,
        4..6 => GRACE + milli,
        6 => Duration::from_millis(play.dice.bits() % 20_000),
        7 => Duration::from_secs(3600 - 1),
        8 if play.plan.timeouts => Duration::from_secs(86_400 * play.dice.pick([1, 5, 12])),
        9 if play.plan.timeouts => {
            // To the very end of the idle timeout, or just before it.
            let server = play.dice.below(2);
            let early = play.dice.pick([Duration::ZERO, milli]);
            play.truth.idle_end().before(early).since(play.now(server))
        }
        _ => milli * 40,
    };
    play.time = play.time.after(by);
    play.log.push(Line::Time { now: play.time });
}

fn thief_acts(play: &mut Play<'_>) {
    if play.thief.is_none() || play.dice.percent(10) {
        let keeps = play.dice.percent(60);
        let pending = play.owner.pending.filter(|pending| keeps && pending.attempt.is_some());
        let generation = play.owner.token.generation;
        play.log.push(Line::Stolen { generation, pending: pending.is_some() });
        play.tally.saw(if pending.is_some() { Seen::StolenPending } else { Seen::Stolen });
        play.thief = Some(Client { pending, ..Client::new(play.owner.token.clone()) });
        return;
    }
    let _ = thief_sends(play);
}

/// With the copied attempt, if there is one left, with one of its own, or with none.
pub(crate) fn thief_sends(play: &mut Play<'_>) -> Option<usize> {
    let thief = play.thief.as_ref().filter(|thief| !thief.out)?;
    let (token, copied) = (thief.token.clone(), thief.pending);
    let (attempt, seen) = match (copied, play.dice.below(2)) {
        (Some(copied), _) => (copied.attempt, Seen::ThiefCopied),
        (None, 0) => (Some(play.dice.bits()), Seen::ThiefOwn),
        (None, _) => (None, Seen::ThiefNone),
    };
    let exchange = play.plan.exchanges && play.dice.percent(10);
    let to = copied.and_then(|copied| copied.to).or_else(|| match token.kind {
        OpaqueKind::Session => Some(OpaqueKind::Refresh),
        OpaqueKind::Refresh => exchange.then_some(OpaqueKind::Session),
    });
    play.tally.saw(if to.is_some() { Seen::ThiefExchanged } else { seen });
    let server = play.dice.below(2);
    Some(play.send(Party::Thief, to.map_or(Want::Refresh, Want::Exchange), &token, attempt, server))
}

/// Mostly one that is not too old, since older ones end the session by design.
fn deliver_again(play: &mut Play<'_>) {
    if play.sent.is_empty() {
        return;
    }
    let reach = if play.dice.percent(90) { 3 } else { 10 };
    let back = play.dice.below(play.sent.len().min(reach));
    let again = play.sent[play.sent.len() - 1 - back].clone();
    play.tally.saw(Seen::Duplicated);
    let server = play.dice.below(2);
    play.send(Party::Proxy, again.want, &again.token, again.attempt, server);
}

fn end_or_change(play: &mut Play<'_>) {
    let want = match play.dice.below(9) {
        0..2 => Want::Logout,
        2 if !play.issued.is_empty() => Want::LogoutByAccess,
        3 => Want::EndOne,
        4 => Want::EndAll(false),
        5 => Want::EndAll(true),
        6 => Want::Disable,
        _ => Want::Roles,
    };
    // A logout by an old token ends the login as well.
    let token = match play.sent.last() {
        Some(sent) if play.dice.percent(30) => sent.token.clone(),
        Some(_) | None => play.owner.token.clone(),
    };
    let server = play.dice.below(2);
    play.send(Party::Owner, want, &token, None, server);
}

fn follow(play: &mut Play<'_>) {
    let (server, token) = (play.dice.below(2), play.owner.token.clone());
    play.send(Party::Proxy, Want::Follow, &token, None, server);
}

/// A token that nobody was given: a right one with another generation, another mac or another use.
fn forge(play: &mut Play<'_>) {
    let Some(mut token) = OpaqueToken::parse(&play.owner.token.text) else { return };
    match play.dice.below(4) {
        0 => token.mac[play.dice.below(16)] ^= 1 << play.dice.below(8),
        1 => token.generation = token.generation.saturating_sub(1 + u32::from(token.generation == 0)),
        2 => token.kind = other(token.kind),
        _ => token.generation += 1,
    }
    if token.to_text() == *play.owner.token.text {
        token.generation += 1;
    }
    let (generation, kind) = (token.generation, token.kind);
    let held = Held { text: token.to_text().into(), generation, kind };
    let want = play.dice.pick([Want::Refresh, Want::Logout, Want::Exchange(other(kind))]);
    let (attempt, server) = (play.owner.pending.and_then(|pending| pending.attempt), play.dice.below(2));
    play.send(Party::Forger, want, &held, attempt, server);
}

const fn other(kind: OpaqueKind) -> OpaqueKind {
    match kind {
        OpaqueKind::Session => OpaqueKind::Refresh,
        OpaqueKind::Refresh => OpaqueKind::Session,
    }
}

/// The client dies after the attempt was stored and before it was sent.
fn crash(play: &mut Play<'_>) {
    if play.owner.out {
        return;
    }
    let pending = prepare(play);
    play.tally.saw(Seen::Crashed);
    play.log.push(Line::Crashed { attempt: pending.attempt });
}

fn trouble(play: &mut Play<'_>) {
    let server = play.dice.below(2);
    if play.dice.percent(40) {
        play.restart(server);
        return;
    }
    let skew = play.dice.pick([-30_000, -5_000, -1, 0, 1, 2_000, 5_000, 15_000]);
    play.tally.saw(if skew < play.skew[server] { Seen::ClockBack } else { Seen::Skewed });
    play.skew[server] = skew;
    play.log.push(Line::Clock { server, skew });
}
