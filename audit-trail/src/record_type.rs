//! The types of records: the name in the log and the number in the kernel.

use std::fmt;
use std::sync::LazyLock;

use crate::time::number;

/// The type of a record, such as [`USER_CMD`](RecordType::USER_CMD).
///
/// # Source
/// `lib/audit-records.h` of audit-userspace 4.x and `include/uapi/linux/audit.h` of Linux 6.18. A type
/// that auditd does not know is written `UNKNOWN[1423]`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordType(u16);

macro_rules! record_types {
    ($($name:ident $number:literal)*) => {
        #[expect(missing_docs, reason = "auditctl(8) and the audit message dictionary explain them")]
        impl RecordType {
            $(pub const $name: Self = Self($number);)*
        }

        /// Every type with a name, in the order of the names.
        const NAMES: &[(&str, RecordType)] = &[$((stringify!($name), RecordType::$name)),*];
    };
}

/// The place of each name of [`NAMES`] in a hash table. Every record needs its type, and a binary search
/// would take a tenth of the time of a record.
static PLACES: LazyLock<Vec<Option<u8>>> = LazyLock::new(|| {
    let mut places = vec![None; PLACE_COUNT];
    for (index, (name, _)) in NAMES.iter().enumerate() {
        let free = places_of(name.as_bytes()).find(|place| places.get(*place) == Some(&None));
        if let Some(place) = free.and_then(|place| places.get_mut(place)) {
            *place = u8::try_from(index).ok();
        }
    }
    places
});

/// Five times as many as there are names, so that most names are at their first place.
const PLACE_COUNT: usize = 1024;

/// The places where a name may be, the most likely first.
fn places_of(name: &[u8]) -> impl Iterator<Item = usize> {
    let first = hash(name);
    (0..PLACE_COUNT).map(move |step| (first + step) % PLACE_COUNT)
}

/// A hash of a name: its length, and some of its bytes.
fn hash(name: &[u8]) -> usize {
    let [first, .., before, last] = name else { return name.len() };
    let middle = name.get(name.len() / 2).copied().unwrap_or_default();
    let bytes = [(*first, 129), (middle, 131), (*before, 261), (*last, 13)];
    bytes.iter().map(|(byte, factor)| usize::from(*byte) * factor).sum::<usize>() + name.len() * 7
}

record_types! {
    ACCT_LOCK 1135
    ACCT_UNLOCK 1136
    ADD_GROUP 1116
    ADD_USER 1114
    ANOM_ABEND 1701
    ANOM_ACCESS_FS 2111
    ANOM_ADD_ACCT 2114
    ANOM_AMTU_FAIL 2107
    ANOM_CREAT 1703
    ANOM_CRYPTO_FAIL 2110
    ANOM_DEL_ACCT 2115
    ANOM_EXEC 2112
    ANOM_LINK 1702
    ANOM_LOGIN_ACCT 2103
    ANOM_LOGIN_FAILURES 2100
    ANOM_LOGIN_LOCATION 2104
    ANOM_LOGIN_SERVICE 2118
    ANOM_LOGIN_SESSIONS 2102
    ANOM_LOGIN_TIME 2101
    ANOM_MAX_DAC 2105
    ANOM_MAX_MAC 2106
    ANOM_MK_EXEC 2113
    ANOM_MOD_ACCT 2116
    ANOM_PROMISCUOUS 1700
    ANOM_RBAC_FAIL 2108
    ANOM_RBAC_INTEGRITY_FAIL 2109
    ANOM_ROOT_TRANS 2117
    APPARMOR_ALLOWED 1502
    APPARMOR_AUDIT 1501
    APPARMOR_DENIED 1503
    APPARMOR_ERROR 1506
    APPARMOR_HINT 1504
    APPARMOR_KILL 1507
    APPARMOR_STATUS 1505
    AVC 1400
    AVC_PATH 1402
    BPF 1334
    BPRM_FCAPS 1321
    CAPSET 1322
    CHGRP_ID 1119
    CHUSER_ID 1125
    CONFIG_CHANGE 1305
    CRED_ACQ 1103
    CRED_DISP 1104
    CRED_REFR 1110
    CRYPTO_FAILURE_USER 2405
    CRYPTO_IKE_SA 2408
    CRYPTO_IPSEC_SA 2409
    CRYPTO_KEY_USER 2404
    CRYPTO_LOGIN 2402
    CRYPTO_LOGOUT 2403
    CRYPTO_PARAM_CHANGE_USER 2401
    CRYPTO_REPLAY_USER 2406
    CRYPTO_SESSION 2407
    CRYPTO_TEST_USER 2400
    CWD 1307
    DAC_CHECK 1118
    DAEMON_ABORT 1202
    DAEMON_ACCEPT 1207
    DAEMON_CLOSE 1208
    DAEMON_CONFIG 1203
    DAEMON_END 1201
    DAEMON_ERR 1209
    DAEMON_RECONFIG 1204
    DAEMON_RESUME 1206
    DAEMON_ROTATE 1205
    DAEMON_START 1200
    DEL_GROUP 1117
    DEL_USER 1115
    DEV_ALLOC 2307
    DEV_DEALLOC 2308
    DM_CTRL 1338
    DM_EVENT 1339
    EOE 1320
    EVENT_LISTENER 1335
    EXECVE 1309
    FANOTIFY 1331
    FD_PAIR 1317
    FEATURE_CHANGE 1328
    FS_RELABEL 2309
    FS_WATCH 1301
    GRP_AUTH 1126
    GRP_CHAUTHTOK 1133
    GRP_MGMT 1132
    INTEGRITY_DATA 1800
    INTEGRITY_EVM_XATTR 1806
    INTEGRITY_HASH 1803
    INTEGRITY_METADATA 1801
    INTEGRITY_PCR 1804
    INTEGRITY_POLICY_RULE 1807
    INTEGRITY_RULE 1805
    INTEGRITY_STATUS 1802
    IPC 1303
    IPC_SET_PERM 1311
    IPE_ACCESS 1420
    IPE_CONFIG_CHANGE 1421
    IPE_POLICY_LOAD 1422
    KERNEL 2000
    KERNEL_OTHER 1316
    KERN_MODULE 1330
    LABEL_LEVEL_CHANGE 2304
    LABEL_OVERRIDE 2303
    LANDLOCK_ACCESS 1423
    LANDLOCK_DOMAIN 1424
    LOGIN 1006
    MAC_CALIPSO_ADD 1418
    MAC_CALIPSO_DEL 1419
    MAC_CHECK 1134
    MAC_CIPSOV4_ADD 1407
    MAC_CIPSOV4_DEL 1408
    MAC_CONFIG_CHANGE 1405
    MAC_IPSEC_ADDSA 1411
    MAC_IPSEC_ADDSPD 1413
    MAC_IPSEC_DELSA 1412
    MAC_IPSEC_DELSPD 1414
    MAC_IPSEC_EVENT 1415
    MAC_MAP_ADD 1409
    MAC_MAP_DEL 1410
    MAC_OBJ_CONTEXTS 1426
    MAC_POLICY_LOAD 1403
    MAC_STATUS 1404
    MAC_TASK_CONTEXTS 1425
    MAC_UNLBL_ALLOW 1406
    MAC_UNLBL_STCADD 1416
    MAC_UNLBL_STCDEL 1417
    MMAP 1323
    MQ_GETSETATTR 1315
    MQ_NOTIFY 1314
    MQ_OPEN 1312
    MQ_SENDRECV 1313
    NETFILTER_CFG 1325
    NETFILTER_PKT 1324
    OBJ_PID 1318
    OPENAT2 1337
    PATH 1302
    PROCTITLE 1327
    REPLACE 1329
    RESP_ACCT_LOCK 2207
    RESP_ACCT_LOCK_TIMED 2205
    RESP_ACCT_REMOTE 2204
    RESP_ACCT_UNLOCK_TIMED 2206
    RESP_ALERT 2201
    RESP_ANOMALY 2200
    RESP_EXEC 2210
    RESP_HALT 2212
    RESP_KILL_PROC 2202
    RESP_ORIGIN_BLOCK 2213
    RESP_ORIGIN_BLOCK_TIMED 2214
    RESP_SEBOOL 2209
    RESP_SINGLE 2211
    RESP_TERM_ACCESS 2203
    RESP_TERM_LOCK 2208
    ROLE_ASSIGN 2301
    ROLE_MODIFY 2311
    ROLE_REMOVE 2302
    SECCOMP 1326
    SELINUX_ERR 1401
    SERVICE_START 1130
    SERVICE_STOP 1131
    SOCKADDR 1306
    SOCKETCALL 1304
    SOFTWARE_UPDATE 1138
    SYSCALL 1300
    SYSTEM_BOOT 1127
    SYSTEM_RUNLEVEL 1129
    SYSTEM_SHUTDOWN 1128
    TEST 1120
    TIME_ADJNTPVAL 1333
    TIME_INJOFFSET 1332
    TRUSTED_APP 1121
    TTY 1319
    URINGOP 1336
    USER 1005
    USER_ACCT 1101
    USER_AUTH 1100
    USER_AVC 1107
    USER_CHAUTHTOK 1108
    USER_CMD 1123
    USER_DEVICE 1137
    USER_END 1106
    USER_ERR 1109
    USER_LABELED_EXPORT 2305
    USER_LOGIN 1112
    USER_LOGOUT 1113
    USER_MAC_CONFIG_CHANGE 2312
    USER_MAC_POLICY_LOAD 2310
    USER_MAC_STATUS 2313
    USER_MGMT 1102
    USER_ROLE_CHANGE 2300
    USER_SELINUX_ERR 1122
    USER_START 1105
    USER_TTY 1124
    USER_UNLABELED_EXPORT 2306
    USYS_CONFIG 1111
    VIRT_CONTROL 2500
    VIRT_CREATE 2504
    VIRT_DESTROY 2505
    VIRT_INTEGRITY_CHECK 2503
    VIRT_MACHINE_ID 2502
    VIRT_MIGRATE_IN 2506
    VIRT_MIGRATE_OUT 2507
    VIRT_RESOURCE 2501
}

impl RecordType {
    /// A type whose name this version does not know. [`Record::type_name`](crate::Record::type_name)
    /// has the name.
    pub const OTHER: Self = Self(0);

    /// The type of this name, or [`OTHER`](Self::OTHER).
    #[must_use]
    pub fn of_name(name: &[u8]) -> Self {
        for place in places_of(name) {
            let Some(Some(index)) = PLACES.get(place) else { break };
            match NAMES.get(usize::from(*index)) {
                Some((known, found)) if known.as_bytes() == name => return *found,
                _ => {}
            }
        }
        let unknown = name.strip_prefix(b"UNKNOWN[").and_then(|rest| rest.strip_suffix(b"]"));
        let number = unknown.and_then(number).and_then(|number| u16::try_from(number).ok());
        number.map_or(Self::OTHER, Self)
    }

    /// The type with this number.
    #[must_use]
    pub const fn of_number(number: u16) -> Self {
        Self(number)
    }

    /// The number in the kernel; 0 for [`OTHER`](Self::OTHER).
    #[must_use]
    pub const fn number(self) -> u16 {
        self.0
    }

    /// The name, if this version knows it.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        NAMES.iter().find(|(_, known)| *known == self).map(|(name, _)| *name)
    }

    /// Whether a program in user space wrote the record's text, inside `msg='...'`.
    ///
    /// # Source
    /// `audit_netlink_ok` in `kernel/audit.c`: 1005, 1100-1199 and 2100-2999.
    #[must_use]
    pub const fn is_of_user_space(self) -> bool {
        matches!(self.0, 1005 | 1100..=1199 | 2100..=2999)
    }

    /// Whether auditd itself wrote the record. Such records have serial numbers of their own.
    #[must_use]
    pub const fn is_of_auditd(self) -> bool {
        matches!(self.0, 1200..=1299)
    }

    /// Whether a record of this type is a whole event.
    ///
    /// # Source
    /// `check_events` in `src/ausearch-lol.c` of audit-userspace 3.0.9: complete at once are the types
    /// below 1300, from 2100 up, and `KERNEL`. So `LOGIN` (1006) is an event of its own, although the
    /// kernel gives the same time and serial number to the system call that caused it.
    #[must_use]
    pub const fn is_whole_event(self) -> bool {
        matches!(self.0, 1..=1299 | 2000 | 2100..)
    }

    /// Whether a record of this type is the last of its event.
    ///
    /// # Source
    /// As above: `EOE` and, since Linux writes it last, `PROCTITLE`.
    #[must_use]
    pub const fn ends_event(self) -> bool {
        matches!(self, Self::EOE | Self::PROCTITLE)
    }
}

impl fmt::Display for RecordType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => formatter.write_str(name),
            None => write!(formatter, "UNKNOWN[{}]", self.0),
        }
    }
}

impl fmt::Debug for RecordType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_and_lead_to_their_type() {
        assert!(NAMES.windows(2).all(|pair| pair[0].0 < pair[1].0));
        for (name, known) in NAMES {
            assert_eq!(RecordType::of_name(name.as_bytes()), *known);
            assert_eq!(known.to_string(), *name);
        }
    }

    #[test]
    fn a_type_without_a_name_has_its_number() {
        assert_eq!(RecordType::of_name(b"UNKNOWN[2600]").number(), 2600);
        assert_eq!(RecordType::of_number(2600).to_string(), "UNKNOWN[2600]");
        for name in ["", "USER_CM", "UNKNOWN[", "UNKNOWN[x]", "UNKNOWN[99999]", "user_cmd"] {
            assert_eq!(RecordType::of_name(name.as_bytes()), RecordType::OTHER, "{name}");
        }
    }

    #[test]
    fn messages_of_programs_are_whole_events_and_those_of_system_calls_are_not() {
        let whole = [
            RecordType::LOGIN,
            RecordType::USER_CMD,
            RecordType::VIRT_CONTROL,
            RecordType::DAEMON_START,
        ];
        for whole in whole {
            assert!(whole.is_whole_event(), "{whole}");
        }
        for part in [RecordType::PATH, RecordType::SYSCALL, RecordType::AVC, RecordType::OTHER] {
            assert!(!part.is_whole_event(), "{part}");
        }
    }
}
