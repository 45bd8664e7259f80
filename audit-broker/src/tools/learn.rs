//! Policies from what was done.
//!
//! Reads the broker's records in the audit trail ([`record`], [`trail`]), puts the calls together
//! ([`call`]), finds what each needed ([`done`]), and proposes the smallest policies that would have
//! permitted it ([`proposal`]). An administrator reviews and installs them; nothing is changed here.

mod call;
mod cedar;
mod done;
mod principal;
mod proposal;
mod record;
mod source;
mod trail;

use std::collections::BTreeMap;

use anyhow::{Context, anyhow};
use chrono::DateTime;
use nix::unistd::User;

use crate::settings::Settings;
use crate::tools::arguments::Learning;
use crate::who::people::Person;
use call::{RecordedCall, Who, calls};
use done::{Deeds, KnownObjects};
use principal::LearnedPrincipal;
use proposal::Proposal;
use trail::{Own, Trail};

/// Proposes policies.
///
/// # Errors
/// If the settings are bad, the broker's user is not there, or the trail cannot be read.
pub(crate) fn learn(asked: &Learning) -> anyhow::Result<String> {
    let user = Settings::load(&asked.configuration.config)?.user;
    let uid = User::from_name(&user)
        .with_context(|| format!("cannot look up user `{user}`"))?
        .ok_or_else(|| anyhow!("there is no user `{user}`, so no record can be the broker's"))?
        .uid
        .as_raw();
    let mut trail = Trail::default();
    if let Some(path) = &asked.input {
        source::file(path, |lines| trail.add(lines, uid))?;
    } else {
        let (since, until) = (asked.since.as_deref(), asked.until.as_deref());
        source::logs(since, until, |lines| trail.add(lines, uid))?;
    }
    Ok(propose(&trail.own(uid), asked, &Person::name_of))
}

/// The text of the policies for what is in the trail.
fn propose(trail: &Own, asked: &Learning, name_of: &dyn Fn(u32) -> String) -> String {
    let calls = calls(&trail.records);
    let known = KnownObjects::of(&calls);
    let mut by: BTreeMap<LearnedPrincipal, Deeds> = BTreeMap::new();
    let mut nameless = 0;
    for call in calls.iter().filter(|call| asked.concerns(call, name_of)) {
        match LearnedPrincipal::of(&call.who, &known, name_of) {
            Some(principal) => by.entry(principal).or_default().add(call, &known),
            None => nameless += 1,
        }
    }
    let mut proposal = Proposal::new(asked.host, &head(trail, nameless));
    for (principal, deeds) in &by {
        proposal.add(principal, deeds);
    }
    proposal.into_text()
}

impl Learning {
    fn concerns(&self, call: &RecordedCall, name_of: &dyn Fn(u32) -> String) -> bool {
        let is = |name: &str| self.user.iter().any(|user| user == name);
        let is_meant = match &call.who {
            Who::User(auid) => is(&auid.to_string()) || is(&name_of(*auid)),
            Who::Service(name) | Who::Container { name, .. } => is(name),
        };
        (is_meant || self.user.is_empty()) && (self.denied || !call.is_denied)
    }
}

/// What the policies are made from, and what was left out.
fn head(trail: &Own, nameless: usize) -> String {
    let Own { records, foreign, half } = trail;
    let time = |seconds| {
        let time = DateTime::from_timestamp(seconds, 0);
        time.map_or_else(|| "?".to_owned(), |time| time.format("%Y-%m-%d %H:%M:%S").to_string())
    };
    let times = || records.iter().map(|record| record.time.seconds);
    let mut head = format!("Proposed by `audit-broker learn` from {} records", records.len());
    if let (Some(first), Some(last)) = (times().min(), times().max()) {
        head = format!("{head}, {} to {} UTC", time(first), time(last));
    }
    head += ".\nReview it before it is installed: it permits what was done, right or wrong. Calls of\n\
             which the settings keep no record are not in it.";
    for (count, what) in [
        (
            foreign,
            "records that say virt=docker, of processes without a record of the broker's start",
        ),
        (half, "records that break off"),
        (&nameless, "calls of containers whose id is not on record"),
    ] {
        if *count > 0 {
            head = format!("{head}\nNot used: {count} {what}.");
        }
    }
    head
}

#[cfg(test)]
mod tests;
