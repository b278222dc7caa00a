//! The faults stop, and everybody finds out: who still has a login, and who should.

use std::time::Duration;

use crate::asked::Want;
use crate::bench::{GRACE, LIVES};
use crate::client::Party;
use crate::log::Line;
use crate::play::{Play, Played};
use crate::schedule::{owner_sends, thief_sends};
use crate::tally::Seen;
use crate::violation::{Broken, Violation};

pub(crate) async fn settle(play: &mut Play<'_>) -> Played {
    play.log.push(Line::Settling);
    while !play.flying.is_empty() {
        play.finish(0).await?;
    }
    play.skew = [0; 2];
    after_the_grace(play);
    if play.thief.is_some() && play.truth.thief_acted {
        duel(play).await?;
    } else {
        owner_goes_on(play).await?;
    }
    if play.truth.ended() {
        everything_is_dead(play).await?;
    }
    bystander(play).await?;
    let told = play.truth.clock > 0 && (play.truth.ended() || play.dice.percent(15));
    for server in (0..2).filter(|_| told) {
        let token = play.owner.token.clone();
        let at = play.send(Party::Proxy, Want::Follow, &token, None, server);
        play.finish(at).await?;
    }
    Ok(())
}

/// Later than anything that was sent before, and than a lease.
fn after_the_grace(play: &mut Play<'_>) {
    play.time = play.time.after(GRACE + Duration::from_secs(31));
    play.log.push(Line::Time { now: play.time });
}

/// Nobody stole anything: what the owner holds works, twice; a loss that it cannot tell from a success counts.
async fn owner_goes_on(play: &mut Play<'_>) -> Played {
    for _ in 0..2 {
        let Some(at) = owner_sends(play) else { return Ok(()) };
        let before = play.owner.token.clone();
        let id = play.flying[at].asked.id;
        play.finish(at).await?;
        let over = play.truth.ended() || play.truth.over(play.time) || play.truth.careless;
        if play.owner.token == before && !over {
            let words = format!("without any fault, request {id} brought no next token");
            return Err(Violation::new(Broken::LockOut, words));
        }
        after_the_grace(play);
    }
    Ok(())
}

/// Thief and owner take turns, each with what it holds, never within the grace: they must not both go on.
async fn duel(play: &mut Play<'_>) -> Played {
    play.tally.saw(Seen::Duel);
    // A life is a shared answer; then the copied attempt, and what was current for both.
    for _ in 0..LIVES + 3 {
        if play.truth.ended() || play.truth.over(play.time) {
            return Ok(());
        }
        let Some(at) = thief_sends(play) else {
            play.tally.saw(Seen::ShutOut);
            return Ok(());
        };
        play.finish(at).await?;
        after_the_grace(play);
        if play.truth.ended() {
            return Ok(());
        }
        if play.owner.out {
            return stranded(play).await;
        }
        let Some(at) = owner_sends(play) else { return Ok(()) };
        play.finish(at).await?;
        after_the_grace(play);
    }
    if play.truth.ended() || play.owner.out || play.thief.as_ref().is_none_or(|thief| thief.out) {
        return Ok(());
    }
    Err(Violation::new(Broken::Theft, "owner and thief both went on, turn after turn"))
}

/// The owner was refused while the login lives on in other hands. The rule leaves three ways to this, all counted;
/// what remains to the owner is to log out by the very token that was refused, and that must end it.
async fn stranded(play: &mut Play<'_>) -> Played {
    if play.owner.timed_out {
        return Ok(());
    }
    let exchanging = play.owner.pending.is_some_and(|pending| pending.to.is_some());
    let token = play.owner.token.clone();
    let seen = if token.generation < play.truth.floor {
        Seen::StrandedByThief
    } else if exchanging {
        Seen::StrandedByExchange
    } else if play.truth.is_late_duplicate(&token, play.owner.pending) {
        Seen::StrandedLate
    } else {
        return Err(Violation::new(Broken::Theft, "the owner was refused, and nothing was ended"));
    };
    play.tally.saw(seen);
    let at = play.send(Party::Owner, Want::Logout, &token, None, 0);
    play.finish(at).await
}

/// Whatever anybody ever held is refused, on both servers.
async fn everything_is_dead(play: &mut Play<'_>) -> Played {
    let mut held = vec![play.owner.token.clone()];
    held.extend(play.thief.as_ref().map(|thief| thief.token.clone()));
    held.extend(play.sent.first().map(|sent| sent.token.clone()));
    for (nth, token) in held.into_iter().enumerate() {
        let attempt = play.plan.attempts.then(|| play.dice.bits());
        // The truth says that each must be refused.
        let at = play.send(Party::Proxy, Want::Refresh, &token, attempt, nth % 2);
        play.finish(at).await?;
    }
    Ok(())
}

/// Another login of the same user ends with all, and with nothing else.
async fn bystander(play: &mut Play<'_>) -> Played {
    let Some(before) = play.bystander.as_ref().map(|client| client.token.clone()) else { return Ok(()) };
    let at = play.send(Party::Bystander, Want::Refresh, &before, None, 0);
    play.finish(at).await?;
    let granted = play.bystander.as_ref().is_some_and(|client| client.token != before);
    let dead = !play.truth.user_before.is_empty();
    let over = play.time.since(crate::bench::BEGIN) >= crate::bench::REFRESH.idle;
    match (granted, dead || over) {
        (true, false) => play.tally.saw(Seen::Bystander),
        (false, true) => play.tally.saw(Seen::BystanderEnded),
        (true, true) => {
            return Err(Violation::new(Broken::AliveAfterTheEnd, "another login outlived the end of all"));
        }
        (false, false) => return Err(Violation::new(Broken::LockOut, "another login ended with this one")),
    }
    Ok(())
}
