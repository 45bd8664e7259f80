//! The record types that user space may write.
//!
//! This file converts between names and numbers. It knows nothing about the content of records.

use std::fmt;
use std::str::FromStr;

/// The type of a record, such as [`USER_CMD`](RecordType::USER_CMD). `ausearch -m` searches for it.
///
/// The [first page](crate#which-record-type-for-what) says which type fits which event. Every number that
/// the kernel accepts from user space is valid, even without a name: `ausearch -m 2600` finds it.
///
/// # Source
/// `audit_netlink_ok` in `kernel/audit.c`: 1005, 1100-1199 and 2100-2999.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordType(u16);

/// A text or number is no record type that user space may write.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnknownRecordType {
    /// No record type has this name.
    #[error("no record type is named `{}`", name.escape_debug())]
    Name {
        /// The name as given.
        name: String,
    },
    /// The kernel takes no record of this number from user space.
    #[error(
        "record type {number} is outside 1100-1199 and 2100-2999, and it is not 1005: the kernel would \
         refuse it"
    )]
    Number {
        /// The number as given.
        number: u16,
    },
}

macro_rules! record_types {
    ($($number:literal $name:ident $meaning:literal)*) => {
        impl RecordType {
            $(#[doc = $meaning]
            pub const $name: Self = Self($number);)*
        }

        /// Every named type, in the order of the numbers.
        const NAMES: &[(u16, &str)] = &[$(($number, stringify!($name))),*];
    };
}

// Source: audit-records.h of audit-userspace 4.x; meanings from audit-message-dictionary.csv.
record_types! {
    1005 USER "Message of a program that has no better type."
    1100 USER_AUTH "User authentication attempt."
    1101 USER_ACCT "User account authorization."
    1102 USER_MGMT "User account attribute change."
    1103 CRED_ACQ "User credential acquired."
    1104 CRED_DISP "User credential disposed."
    1105 USER_START "User session start."
    1106 USER_END "User session end."
    1107 USER_AVC "User-space access vector cache message."
    1108 USER_CHAUTHTOK "User account password or PIN changed."
    1109 USER_ERR "User account state error."
    1110 CRED_REFR "User credential refreshed."
    1111 USYS_CONFIG "User-space system configuration change."
    1112 USER_LOGIN "User has logged in."
    1113 USER_LOGOUT "User has logged out."
    1114 ADD_USER "User account added."
    1115 DEL_USER "User account deleted."
    1116 ADD_GROUP "Group account added."
    1117 DEL_GROUP "Group account deleted."
    1118 DAC_CHECK "User-space discretionary access check."
    1119 CHGRP_ID "User-space group id changed."
    1120 TEST "Test message."
    1121 TRUSTED_APP "Free-form message of a trusted application."
    1122 USER_SELINUX_ERR "SELinux user-space error."
    1123 USER_CMD "Command and arguments run through a privileged tool."
    1124 USER_TTY "Terminal input; the kernel refuses it unless tty auditing is on."
    1125 CHUSER_ID "Changed user id, supplemental data."
    1126 GRP_AUTH "Authentication for a group password."
    1127 SYSTEM_BOOT "System boot."
    1128 SYSTEM_SHUTDOWN "System shutdown."
    1129 SYSTEM_RUNLEVEL "System runlevel change."
    1130 SERVICE_START "Service start."
    1131 SERVICE_STOP "Service stop."
    1132 GRP_MGMT "Group account attribute change."
    1133 GRP_CHAUTHTOK "Group account password or PIN changed."
    1134 MAC_CHECK "User-space mandatory access decision."
    1135 ACCT_LOCK "Account locked by the administrator."
    1136 ACCT_UNLOCK "Account unlocked by the administrator."
    1137 USER_DEVICE "User-space hotplug device change."
    1138 SOFTWARE_UPDATE "Software installed, updated or removed."
    2100 ANOM_LOGIN_FAILURES "Failed login limit reached."
    2101 ANOM_LOGIN_TIME "Login attempted at a bad time."
    2102 ANOM_LOGIN_SESSIONS "Maximum of concurrent sessions reached."
    2103 ANOM_LOGIN_ACCT "Login attempted to a watched account."
    2104 ANOM_LOGIN_LOCATION "Login from a forbidden location."
    2105 ANOM_MAX_DAC "Maximum of discretionary access failures reached."
    2106 ANOM_MAX_MAC "Maximum of mandatory access failures reached."
    2107 ANOM_AMTU_FAIL "Abstract machine test failure."
    2108 ANOM_RBAC_FAIL "Role-based access self test failure."
    2109 ANOM_RBAC_INTEGRITY_FAIL "Role-based access file integrity failure."
    2110 ANOM_CRYPTO_FAIL "Crypto system test failure."
    2111 ANOM_ACCESS_FS "Access of a file or directory."
    2112 ANOM_EXEC "Execution of a file."
    2113 ANOM_MK_EXEC "A file made executable."
    2114 ANOM_ADD_ACCT "Account added."
    2115 ANOM_DEL_ACCT "Account deleted."
    2116 ANOM_MOD_ACCT "Account changed."
    2117 ANOM_ROOT_TRANS "User became root."
    2118 ANOM_LOGIN_SERVICE "Service account attempted a login."
    2119 ANOM_LOGIN_ROOT "Root attempted a login."
    2120 ANOM_ORIGIN_FAILURES "An origin has too many failed logins."
    2121 ANOM_SESSION "Session anomaly."
    2200 RESP_ANOMALY "Anomaly not reacted to."
    2201 RESP_ALERT "Alert was sent."
    2202 RESP_KILL_PROC "Program was killed."
    2203 RESP_TERM_ACCESS "Session was terminated."
    2204 RESP_ACCT_REMOTE "Account locked from remote access."
    2205 RESP_ACCT_LOCK_TIMED "Account locked for a time."
    2206 RESP_ACCT_UNLOCK_TIMED "Account unlocked after its time."
    2207 RESP_ACCT_LOCK "Account locked."
    2208 RESP_TERM_LOCK "Terminal locked."
    2209 RESP_SEBOOL "SELinux boolean set."
    2210 RESP_EXEC "Script executed."
    2211 RESP_SINGLE "System went to single user mode."
    2212 RESP_HALT "System was halted."
    2213 RESP_ORIGIN_BLOCK "Address blocked."
    2214 RESP_ORIGIN_BLOCK_TIMED "Address blocked for a time."
    2215 RESP_ORIGIN_UNBLOCK_TIMED "Address unblocked after its time."
    2300 USER_ROLE_CHANGE "User changed to a new role."
    2301 ROLE_ASSIGN "Administrator assigned a user to a role."
    2302 ROLE_REMOVE "Administrator removed a user from a role."
    2303 LABEL_OVERRIDE "Administrator is overriding a label."
    2304 LABEL_LEVEL_CHANGE "Level of an object's label changed."
    2305 USER_LABELED_EXPORT "Object exported with a label."
    2306 USER_UNLABELED_EXPORT "Object exported without a label."
    2307 DEV_ALLOC "Device allocated."
    2308 DEV_DEALLOC "Device deallocated."
    2309 FS_RELABEL "File system relabelled."
    2310 USER_MAC_POLICY_LOAD "User-space daemon loaded a policy."
    2311 ROLE_MODIFY "Administrator modified a role."
    2312 USER_MAC_CONFIG_CHANGE "Mandatory access policy changed."
    2313 USER_MAC_STATUS "User-space daemon's enforcing mode changed."
    2400 CRYPTO_TEST_USER "Cryptographic test results."
    2401 CRYPTO_PARAM_CHANGE_USER "Cryptographic attribute change."
    2402 CRYPTO_LOGIN "Cryptographic officer login."
    2403 CRYPTO_LOGOUT "Cryptographic officer logout."
    2404 CRYPTO_KEY_USER "Key created, deleted or negotiated."
    2405 CRYPTO_FAILURE_USER "Decrypt, encrypt or randomize failed."
    2406 CRYPTO_REPLAY_USER "Replay attack detected."
    2407 CRYPTO_SESSION "Parameters of a session."
    2408 CRYPTO_IKE_SA "Parameters of an IKE association."
    2409 CRYPTO_IPSEC_SA "Parameters of an IPsec association."
    2500 VIRT_CONTROL "Start, pause or stop of a machine or container."
    2501 VIRT_RESOURCE "Resource assigned to a machine or container."
    2502 VIRT_MACHINE_ID "Label bound to a machine or container."
    2503 VIRT_INTEGRITY_CHECK "Guest integrity result."
    2504 VIRT_CREATE "Guest image created."
    2505 VIRT_DESTROY "Guest image destroyed."
    2506 VIRT_MIGRATE_IN "Guest migrated in."
    2507 VIRT_MIGRATE_OUT "Guest migrated out."
}

impl RecordType {
    /// The type with this number.
    ///
    /// # Errors
    /// [`UnknownRecordType::Number`] if the kernel takes no such record from user space.
    pub const fn new(number: u16) -> Result<Self, UnknownRecordType> {
        match number {
            1005 | 1100..=1199 | 2100..=2999 => Ok(Self(number)),
            _ => Err(UnknownRecordType::Number { number }),
        }
    }

    /// The number, as it travels in the netlink header.
    #[must_use]
    pub const fn number(self) -> u16 {
        self.0
    }

    /// The name, as `ausearch -m` takes it; `None` for a number without a name.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        let index = NAMES.binary_search_by_key(&self.0, |(number, _)| *number).ok()?;
        NAMES.get(index).map(|(_, name)| *name)
    }

    /// Every named type, in the order of the numbers.
    pub fn named() -> impl Iterator<Item = Self> {
        NAMES.iter().map(|(number, _)| Self(*number))
    }
}

impl FromStr for RecordType {
    type Err = UnknownRecordType;

    /// Parses a name, in upper or lower case, or a number.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(number) = text.parse() {
            return Self::new(number);
        }
        NAMES
            .iter()
            .find(|(_, name)| name.eq_ignore_ascii_case(text))
            .map(|(number, _)| Self(*number))
            .ok_or_else(|| UnknownRecordType::Name { name: text.to_owned() })
    }
}

impl fmt::Display for RecordType {
    /// Writes the name, or the number if it has no name.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => formatter.write_str(name),
            None => write!(formatter, "{}", self.0),
        }
    }
}

impl fmt::Debug for RecordType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "RecordType({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_convert_both_ways() {
        for record_type in RecordType::named() {
            let name = record_type.name().unwrap();
            assert_eq!(name.parse(), Ok(record_type));
            assert_eq!(name.to_lowercase().parse(), Ok(record_type));
            assert_eq!(record_type.number().to_string().parse(), Ok(record_type));
            assert_eq!(record_type.to_string(), name);
        }
        assert_eq!("user_cmd".parse(), Ok(RecordType::USER_CMD));
        assert_eq!(RecordType::USER_CMD.number(), 1123);
    }

    #[test]
    fn the_table_is_sorted_so_that_names_are_found() {
        assert!(NAMES.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }

    #[test]
    fn exactly_the_numbers_in_the_kernels_ranges_are_valid() {
        for number in 0..=u16::MAX {
            let valid = matches!(number, 1005 | 1100..=1199 | 2100..=2999);
            assert_eq!(RecordType::new(number).is_ok(), valid, "{number}");
        }
        assert_eq!(RecordType::new(2600).unwrap().to_string(), "2600");
    }

    #[test]
    fn the_error_names_the_wrong_name_or_number() {
        let error = "USER_COMMAND".parse::<RecordType>().unwrap_err();
        assert_eq!(error.to_string(), "no record type is named `USER_COMMAND`");
        let error = "1300".parse::<RecordType>().unwrap_err();
        assert_eq!(error, UnknownRecordType::Number { number: 1300 });
        assert!("".parse::<RecordType>().is_err());
        assert!("70000".parse::<RecordType>().is_err());
    }
}
