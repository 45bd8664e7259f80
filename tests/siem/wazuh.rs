//! The part of Wazuh's rules that the file uses.
//!
//! # Source
//! Wazuh's documentation of rules and of `OS_Match` (`^`, `$`, `|`), and its decoders `auditd-generic` and
//! `auditd-user_and_cred`: a field is the first place of its expression in the line.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

#[derive(Default)]
pub(crate) struct Rule {
    is_of_audit: bool,
    /// The name of the field, what it matches, and whether it must not.
    fields: Vec<(String, String, bool)>,
    text: Option<String>,
    program: Option<String>,
    /// The rule that must have fired so often, for one value of the field.
    count: Option<(u32, usize, String)>,
}

pub(crate) fn rules() -> BTreeMap<u32, Rule> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let text = fs::read_to_string(path.join("examples/wazuh/docker_rules.xml")).unwrap();
    let mut rules = BTreeMap::new();
    for block in text.split("<rule ").skip(1) {
        let (head, block) = block.split_once('>').unwrap();
        let (body, _) = block.split_once("</rule>").unwrap();
        let attribute = |name: &str| {
            let (_, value) = head.split_once(&format!("{name}=\""))?;
            value.split('"').next()?.parse::<u32>().ok()
        };
        let mut rule = Rule::default();
        let mut counted = None;
        let mut same = None;
        for element in body.split("\n    <").skip(1) {
            let (tag, rest) = element.split_once('>').unwrap();
            let text = rest.rsplit_once("</").unwrap().0.to_owned();
            let name = tag.split('"').nth(1).unwrap_or_default().to_owned();
            match tag.split(' ').next().unwrap() {
                "if_sid" => rule.is_of_audit = text == "80700",
                "field" => rule.fields.push((name, text, tag.contains("negate=\"yes\""))),
                "match" => rule.text = Some(text),
                "program_name" => rule.program = Some(text),
                "if_matched_sid" => counted = Some(text.parse().unwrap()),
                "same_field" => same = Some(text),
                "description" => {}
                other => panic!("the element {other} is not in this test"),
            }
        }
        if let (Some(counted), Some(same)) = (counted, same) {
            let frequency = usize::try_from(attribute("frequency").unwrap()).unwrap();
            assert!(attribute("timeframe").is_some());
            rule.count = Some((counted, frequency, same));
        }
        assert!(attribute("level").is_some());
        let id = attribute("id").unwrap();
        // Wazuh keeps these numbers for rules of its users.
        assert!((100_000..=120_000).contains(&id) && rules.insert(id, rule).is_none());
    }
    rules
}

impl Rule {
    /// Whether the rule fires on the lines, which are of one minute.
    pub(crate) fn fires(&self, all: &BTreeMap<u32, Self>, lines: &[String]) -> bool {
        let Some((id, frequency, same)) = &self.count else {
            return lines.iter().any(|line| self.matches(line));
        };
        let mut counts: BTreeMap<Option<String>, usize> = BTreeMap::new();
        for line in lines.iter().filter(|line| all[id].matches(line)) {
            *counts.entry(field(line, same)).or_default() += 1;
        }
        counts.values().any(|count| count >= frequency)
    }

    fn matches(&self, line: &str) -> bool {
        let is_audit = line.starts_with("type=");
        let program = line.split(": ").next().and_then(|head| head.rsplit(' ').next());
        let is_of_program = self
            .program
            .as_ref()
            .is_none_or(|wanted| !is_audit && program.is_some_and(|it| os_match(wanted, it)));
        self.is_of_audit == is_audit
            && is_of_program
            && self.text.as_ref().is_none_or(|wanted| os_match(wanted, line))
            && self.fields.iter().all(|(name, wanted, is_negated)| {
                field(line, name).is_some_and(|value| os_match(wanted, &value) != *is_negated)
            })
    }
}

/// The decoded field.
fn field(line: &str, name: &str) -> Option<String> {
    let beginning = match name {
        "audit.type" => "type=",
        "audit.auid" => "auid=",
        "audit.uid" => " uid=",
        "audit.res" => "res=",
        other => panic!("the field {other} is not in this test"),
    };
    let (_, rest) = line.split_once(beginning)?;
    rest.split([' ', '\'']).next().map(str::to_owned)
}

/// Alternatives, each a text that may be bound to the beginning and the end.
fn os_match(pattern: &str, text: &str) -> bool {
    pattern.split('|').any(|choice| {
        let (choice, is_start) = choice.strip_prefix('^').map_or((choice, false), |it| (it, true));
        let (choice, is_end) = choice.strip_suffix('$').map_or((choice, false), |it| (it, true));
        match (is_start, is_end) {
            (true, true) => text == choice,
            (true, false) => text.starts_with(choice),
            (false, true) => text.ends_with(choice),
            (false, false) => text.contains(choice),
        }
    })
}
