//! Each rule under `examples/sigma` and `examples/wazuh` fires on the records that it is for, and on no
//! record of ordinary use.
//!
//! The records are those of the golden files and of `docs/records.md`, which other tests compare with what
//! the programs write.

#![cfg(test)]

#[path = "siem/sigma.rs"]
mod sigma;
#[path = "siem/trail.rs"]
mod trail;
#[path = "siem/wazuh.rs"]
mod wazuh;

use trail::{Case, cases, ordinary};

#[test]
fn each_rule_for_sigma_fires_on_its_records_only() {
    let rules = sigma::rules();
    check(
        |case| rules.get(case.sigma).unwrap_or_else(|| panic!("no rule {}", case.sigma)),
        |rule, lines| rule.fires(&rules, lines),
    );
    for (name, rule) in &rules {
        let is_used = cases().iter().any(|case| case.sigma == name);
        // Single denials are the base of the rule for several.
        assert!(is_used || name == "docker_denial", "{name}");
        assert!(!is_used || !rule.fires(&rules, &ordinary()), "{name} fires on ordinary use");
    }
}

#[test]
fn each_rule_for_wazuh_fires_on_its_records_only() {
    let rules = wazuh::rules();
    check(
        |case| rules.get(&case.wazuh).unwrap_or_else(|| panic!("no rule {}", case.wazuh)),
        |rule, lines| rule.fires(&rules, lines),
    );
    for (id, rule) in &rules {
        let is_used = cases().iter().any(|case| case.wazuh == *id);
        // Single denials are the base of the rule for several.
        assert!(is_used || *id == 100_502, "{id}");
        assert!(!is_used || !rule.fires(&rules, &ordinary()), "{id} fires on ordinary use");
    }
}

fn check<'r, R: 'r>(rule: impl Fn(&Case) -> &'r R, fires: impl Fn(&R, &[String]) -> bool) {
    for case in cases() {
        let Case { what, lines, .. } = &case;
        assert!(fires(rule(&case), lines), "{what}: {lines:#?}");
        for other in
            cases().iter().filter(|other| other.what != *what && !other.is_same_rule(&case))
        {
            let lines: Vec<String> = ordinary().into_iter().chain(other.lines.clone()).collect();
            assert!(!fires(rule(&case), &lines), "the rule for {what} fires on {}", other.what);
        }
    }
}
