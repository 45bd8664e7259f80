//! The kernel's rules that drop records.
//!
//! This file knows the rules that act on records from user space: those in the `user` and `exclude`
//! lists. It changes nothing.

use netlink_packet_audit::{
    AuditMessage, RuleAction, RuleField, RuleFieldFlags, RuleFlags, RuleMessage,
};

use crate::audit::Audit;
use crate::error::Error;
use crate::netlink::Progress;
use crate::record_type::RecordType;
use crate::status::parse_message;

/// A rule by which the kernel drops records from user space. It acknowledges them nevertheless.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DroppingRule {
    list: &'static str,
    conditions: Vec<(RuleField, RuleFieldFlags)>,
}

/// Message type of the request and of its answers.
///
/// # Source
/// `AUDIT_LIST_RULES` in `include/uapi/linux/audit.h`.
const AUDIT_LIST_RULES: u16 = 1013;

impl Audit {
    /// Reads the rules by which the kernel drops records from user space.
    ///
    /// # Errors
    /// As [`Audit::status`]. [`Error::Reply`] also for a rule that cannot be decoded, because it might
    /// drop records.
    pub fn dropping_rules(&self) -> Result<Vec<DroppingRule>, Error> {
        let mut rules = Ok(Vec::new());
        self.query(AUDIT_LIST_RULES, |message_type, content| {
            if i32::from(message_type) == libc::NLMSG_DONE {
                return Progress::Last;
            }
            if message_type == AUDIT_LIST_RULES {
                match (parse(content), &mut rules) {
                    (Ok(rule), Ok(rules)) => rules.extend(rule),
                    (Err(error), Ok(_)) => rules = Err(error),
                    (_, Err(_)) => {}
                }
            }
            Progress::More
        })?;
        rules
    }
}

impl DroppingRule {
    /// Whether the rule may drop records of this type. Assumes that the other conditions of the rule,
    /// such as a uid, are met.
    #[must_use]
    pub fn may_drop(&self, record_type: RecordType) -> bool {
        let number = u32::from(record_type.number());
        self.conditions.iter().all(|(field, operator)| match (field, operator) {
            (RuleField::Msgtype(value), RuleFieldFlags::Equal) => number == *value,
            (RuleField::Msgtype(value), RuleFieldFlags::NotEqual) => number != *value,
            (RuleField::Msgtype(value), RuleFieldFlags::LessThan) => number < *value,
            (RuleField::Msgtype(value), RuleFieldFlags::LessThanOrEqual) => number <= *value,
            (RuleField::Msgtype(value), RuleFieldFlags::GreaterThan) => number > *value,
            (RuleField::Msgtype(value), RuleFieldFlags::GreaterThanOrEqual) => number >= *value,
            _ => true,
        })
    }

    /// The list that contains the rule, as `auditctl -d` takes it.
    #[must_use]
    pub fn list(&self) -> &str {
        self.list
    }
}

/// The rule, if it drops records from user space.
pub(crate) fn parse(content: &[u8]) -> Result<Option<DroppingRule>, Error> {
    let message = parse_message(AUDIT_LIST_RULES, content)?;
    let AuditMessage::ListRules(Some(rule)) = message else {
        return Err(Error::Reply { description: "it has no rule".to_owned() });
    };
    Ok(dropping(rule))
}

fn dropping(rule: RuleMessage) -> Option<DroppingRule> {
    let list = match (rule.flags, rule.action) {
        // The action does not matter: `auditctl` accepts `never` and `always` for this list.
        (RuleFlags::FilterType, _) => "exclude",
        (RuleFlags::FilterUser, RuleAction::Never) => "user",
        _ => return None,
    };
    Some(DroppingRule { list, conditions: rule.fields })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(conditions: Vec<(RuleField, RuleFieldFlags)>) -> DroppingRule {
        DroppingRule { list: "exclude", conditions }
    }

    #[test]
    fn a_rule_drops_the_types_that_it_lists() {
        let equal = rule(vec![(RuleField::Msgtype(1123), RuleFieldFlags::Equal)]);
        assert!(equal.may_drop(RecordType::USER_CMD));
        assert!(!equal.may_drop(RecordType::TEST));
        let range = rule(vec![
            (RuleField::Msgtype(1100), RuleFieldFlags::GreaterThanOrEqual),
            (RuleField::Msgtype(1123), RuleFieldFlags::LessThan),
        ]);
        assert!(!range.may_drop(RecordType::USER_CMD));
        assert!(range.may_drop(RecordType::TEST));
        assert!(rule(Vec::new()).may_drop(RecordType::TEST));
    }

    #[test]
    fn other_conditions_are_assumed_to_be_met() {
        let uid = rule(vec![(RuleField::Uid(1000), RuleFieldFlags::Equal)]);
        assert!(uid.may_drop(RecordType::USER_CMD));
    }

    #[test]
    fn only_rules_that_drop_user_records_count() {
        let mut message = RuleMessage::new();
        message.flags = RuleFlags::FilterExit;
        message.action = RuleAction::Never;
        assert_eq!(dropping(message.clone()), None);
        message.flags = RuleFlags::FilterUser;
        assert!(dropping(message.clone()).is_some());
        message.action = RuleAction::Always;
        assert_eq!(dropping(message.clone()), None);
        message.flags = RuleFlags::FilterType;
        assert!(dropping(message).is_some());
    }

    #[test]
    fn a_rule_that_cannot_be_decoded_is_an_error() {
        assert!(matches!(parse(&[0; 8]), Err(Error::Reply { .. })));
    }
}
