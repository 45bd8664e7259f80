//! `audit-broker learn`: proposes policies that permit the calls in the audit trail.
//!
//! This command reads the broker's records in the audit trail ([`record`], [`trail`]) and groups them into
//! calls ([`call`]). It finds the actions that each call needed ([`needed_actions`], [`known_objects`]) and
//! collects them for each principal ([`activity`]). Then it proposes the smallest policies that permit
//! them ([`proposal`]). An administrator reviews and installs the policies; the command changes nothing.

mod activity;
mod call;
mod cedar;
mod known_objects;
mod needed_actions;
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
use activity::Activity;
use call::{RecordedCall, RecordedCaller, calls};
use known_objects::KnownObjects;
use principal::LearnedPrincipal;
use proposal::Proposal;
use trail::{OwnRecords, Trail};

/// Proposes policies and returns their text.
///
/// # Errors
/// If the settings are not valid, the broker's user does not exist, or the trail cannot be read.
pub(crate) fn learn(options: &Learning) -> anyhow::Result<String> {
    let user = Settings::load(&options.configuration.config)?.user;
    let uid = User::from_name(&user)
        .with_context(|| format!("cannot look up user `{user}`"))?
        .ok_or_else(|| anyhow!("user `{user}` does not exist, so no record can be the broker's"))?
        .uid
        .as_raw();
    let mut trail = Trail::default();
    if let Some(path) = &options.input {
        source::file(path, |record| trail.add(record, uid))?;
    } else {
        let (since, until) = (options.since.as_deref(), options.until.as_deref());
        source::logs(since, until, |record| trail.add(record, uid))?;
    }
    Ok(propose(&trail.own(uid), options, &Person::name_of))
}

/// The text of the policies for the calls in the trail.
fn propose(trail: &OwnRecords, options: &Learning, name_of: &dyn Fn(u32) -> String) -> String {
    let calls = calls(&trail.records);
    let known = KnownObjects::of(&calls);
    let mut activities: BTreeMap<LearnedPrincipal, Activity> = BTreeMap::new();
    let mut unidentified = 0;
    for call in calls.iter().filter(|call| options.selects(call, name_of)) {
        match LearnedPrincipal::of(&call.caller, &known, name_of) {
            Some(principal) => activities.entry(principal).or_default().add(call, &known),
            None => unidentified += 1,
        }
    }
    let mut proposal = Proposal::new(options.host, &header(trail, unidentified));
    for (principal, activity) in &activities {
        proposal.add(principal, activity);
    }
    proposal.into_text()
}

impl Learning {
    fn selects(&self, call: &RecordedCall, name_of: &dyn Fn(u32) -> String) -> bool {
        let is_listed = |name: &str| self.user.iter().any(|user| user == name);
        let is_selected = match &call.caller {
            RecordedCaller::User(auid) => {
                is_listed(&auid.to_string()) || is_listed(&name_of(*auid))
            }
            RecordedCaller::Service(name) | RecordedCaller::Container { name, .. } => {
                is_listed(name)
            }
        };
        (is_selected || self.user.is_empty()) && (self.denied || !call.is_denied)
    }
}

/// The header of the proposal: its source, and the records that were ignored.
fn header(trail: &OwnRecords, unidentified: usize) -> String {
    let OwnRecords { records, foreign, truncated } = trail;
    let time = |seconds: u64| {
        let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
        let time = DateTime::from_timestamp(seconds, 0);
        time.map_or_else(|| "?".to_owned(), |time| time.format("%Y-%m-%d %H:%M:%S").to_string())
    };
    let times = || records.iter().map(|record| record.time.seconds());
    let mut header = format!("Proposed by `audit-broker learn` from {} records", records.len());
    if let (Some(first), Some(last)) = (times().min(), times().max()) {
        header = format!("{header}, {} to {} UTC", time(first), time(last));
    }
    header += ".\nReview these policies before you install them: they permit every call in the records,\n\
               right or wrong. They do not cover calls that the settings exclude from the records.";
    for (count, kind) in [
        (foreign, "records with virt=docker from processes that no record shows to be the broker"),
        (truncated, "truncated records"),
        (&unidentified, "calls of containers without a recorded id"),
    ] {
        if *count > 0 {
            header = format!("{header}\nIgnored {kind}: {count}.");
        }
    }
    header
}

#[cfg(test)]
mod tests;
