//! What the simulated scanner knows to find, and what it finds on an address.
//!
//! Findings follow from the address and the run alone: the same run gives the same findings for ever, another run of
//! the same targets differs a little.

use serde_json::{Value, json};
use std::net::IpAddr;

/// One entry of the scanner's vulnerability catalogue.
#[derive(Debug)]
pub(super) struct Exposure {
    pub(super) id: i64,
    pub(super) title: &'static str,
    pub(super) cves: &'static [&'static str],
    pub(super) base: f64,
    pub(super) temporal: f64,
    pub(super) port: u16,
    pub(super) service: &'static str,
    pub(super) critical: &'static str,
    pub(super) informative: &'static str,
    pub(super) remedy: &'static str,
}

/// The catalogue, from the worst down to plain information.
pub(super) static EXPOSURES: &[Exposure] = &[
    Exposure {
        id: 203_887,
        title: "Apache Log4j message lookups load code from LDAP servers",
        cves: &["CVE-2021-44228", "CVE-2021-45046"],
        base: 10.0,
        temporal: 9.5,
        port: 8080,
        service: "http-alt",
        critical: "Product: log4j-core 2.14.1\nPath: /opt/portal/WEB-INF/lib/log4j-core-2.14.1.jar\nCallback: received",
        informative: "A lookup in a request header was resolved by the server.",
        remedy: "Update log4j-core to 2.17.1 or later.",
    },
    Exposure {
        id: 190_412,
        title: "Netlogon accepts sessions with an all-zero challenge",
        cves: &["CVE-2020-1472"],
        base: 9.3,
        temporal: 8.4,
        port: 445,
        service: "microsoft-ds",
        critical: "Domain controller: yes\nSecure channel enforcement: off",
        informative: "",
        remedy: "Install the update of the operating system and enforce secure channels.",
    },
    Exposure {
        id: 152_907,
        title: "Remote Desktop Services: code execution before authentication",
        cves: &["CVE-2019-0708"],
        base: 10.0,
        temporal: 8.7,
        port: 3389,
        service: "ms-wbt-server",
        critical: "Network level authentication: not required",
        informative: "The channel MS_T120 could be bound twice.",
        remedy: "Install the update of the operating system.",
    },
    Exposure {
        id: 131_140,
        title: "SMB server: remote code execution by crafted transactions",
        cves: &["CVE-2017-0143", "CVE-2017-0144", "CVE-2017-0145"],
        base: 9.3,
        temporal: 8.1,
        port: 445,
        service: "microsoft-ds",
        critical: "Dialect: NT LM 0.12\nAnswer to a peek at pipe 0: STATUS_INSUFF_SERVER_RESOURCES",
        informative: "",
        remedy: "Install the update of the operating system and switch the first version of SMB off.",
    },
    Exposure {
        id: 99_105,
        title: "OpenSSL heartbeat reads memory of the server",
        cves: &["CVE-2014-0160"],
        base: 5.0,
        temporal: 4.1,
        port: 443,
        service: "https",
        critical: "Bytes returned beyond the request: 16384\nVersion announced: OpenSSL/1.0.1e",
        informative: "One heartbeat of 16 KiB was sent, nothing of the answer was stored.",
        remedy: "Update OpenSSL, renew keys and certificates.",
    },
    Exposure {
        id: 121_660,
        title: "TLS server offers ciphers with 64-bit blocks",
        cves: &["CVE-2016-2183"],
        base: 5.0,
        temporal: 4.3,
        port: 443,
        service: "https",
        critical: "TLSv1.2: TLS_RSA_WITH_3DES_EDE_CBC_SHA\nTLSv1.1: TLS_RSA_WITH_3DES_EDE_CBC_SHA",
        informative: "",
        remedy: "Take these ciphers out of the configuration.",
    },
    Exposure {
        id: 101_447,
        title: "SSL 3.0 is enabled",
        cves: &["CVE-2014-3566"],
        base: 4.3,
        temporal: 3.6,
        port: 443,
        service: "https",
        critical: "SSLv3: 4 ciphers accepted",
        informative: "",
        remedy: "Disable SSL 3.0.",
    },
    Exposure {
        id: 160_233,
        title: "SSH server tells existing user names by the time it takes",
        cves: &["CVE-2018-15473"],
        base: 5.0,
        temporal: 4.1,
        port: 22,
        service: "ssh",
        critical: "Banner: SSH-2.0-OpenSSH_7.4",
        informative: "The banner alone was judged; back-ported fixes are not seen by it.",
        remedy: "Update OpenSSH.",
    },
    Exposure {
        id: 241_019,
        title: "SSH transport permits prefix truncation",
        cves: &["CVE-2023-48795"],
        base: 5.4,
        temporal: 4.7,
        port: 22,
        service: "ssh",
        critical: "Cipher: chacha20-poly1305@openssh.com\nStrict key exchange: not offered",
        informative: "",
        remedy: "Update both sides, or remove the affected ciphers.",
    },
    Exposure {
        id: 88_210,
        title: "SNMP community \"public\" is accepted",
        cves: &["CVE-1999-0517"],
        base: 7.5,
        temporal: 7.1,
        port: 161,
        service: "snmp",
        critical: "sysDescr: Linux edge 4.19\nsysName: edge",
        informative: "Reading was tried, writing was not.",
        remedy: "Choose another community, or SNMP version 3.",
    },
    Exposure {
        id: 70_018,
        title: "TCP time stamps tell the uptime",
        cves: &[],
        base: 2.6,
        temporal: 2.2,
        port: 0,
        service: "",
        critical: "",
        informative: "Uptime by the time stamps: 41 days.",
        remedy: "",
    },
    Exposure {
        id: 70_001,
        title: "Service detected",
        cves: &[],
        base: 0.0,
        temporal: 0.0,
        port: 80,
        service: "http",
        critical: "",
        informative: "Server: nginx/1.18.0 (\"<edge>\"; Größe=64 KiB)\r\nX-Powered-By: PHP/7.4",
        remedy: "",
    },
];

/// A finding: an exposure on an address.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    pub(super) address: IpAddr,
    pub(super) exposure: &'static Exposure,
}

/// What a run finds on its addresses. A seventh of all addresses does not answer.
pub(super) fn scan(addresses: &[IpAddr], run: i64) -> Vec<Found> {
    let alive = addresses.iter().copied().filter(|address| is_alive(*address));
    alive.flat_map(|address| exposures(address, run).map(move |exposure| Found { address, exposure })).collect()
}

/// Whether anything answers at an address. Documentation blocks 198.51.100.0/24 never do.
fn is_alive(address: IpAddr) -> bool {
    let silent = matches!(address, IpAddr::V4(four) if four.octets()[..3] == [198, 51, 100]);
    !silent && !mix(&address.to_string(), 1).is_multiple_of(7)
}

fn exposures(address: IpAddr, run: i64) -> impl Iterator<Item = &'static Exposure> {
    let host = address.to_string();
    EXPOSURES.iter().filter(move |exposure| {
        let chosen = exposure.base == 0.0 || mix(&host, exposure.id).is_multiple_of(3);
        let missed_this_time = mix(&host, exposure.id ^ (run << 20)).is_multiple_of(11);
        chosen && !missed_this_time
    })
}

/// A host name for most addresses, none for the others.
pub(super) fn hostname(address: IpAddr) -> String {
    match (address, mix(&address.to_string(), 2) % 4) {
        (_, 0) => String::new(),
        (IpAddr::V4(four), _) => {
            let [_, _, third, fourth] = four.octets();
            format!("host-{third}-{fourth}.example.net")
        }
        (IpAddr::V6(six), _) => format!("host-{:x}.v6.example.net", six.segments()[7]),
    }
}

impl Found {
    /// The row of a run's results. Neither severity nor protocol is in it.
    pub(super) fn row(&self) -> Value {
        let exposure = self.exposure;
        let service = (!exposure.service.is_empty()).then_some(exposure.service);
        json!({
            "ip_address": self.address,
            "hostname": hostname(self.address),
            "port": exposure.port,
            "vulnerability": exposure.title,
            "exposure_id": exposure.id,
            "cve_ids": exposure.cves,
            "base_score": exposure.base,
            "temporal_score": exposure.temporal,
            "open_services": service.into_iter().collect::<Vec<_>>(),
            "critical_details": exposure.critical,
            "informative_details": exposure.informative,
        })
    }
}

/// A number that looks like chance and always is the same (FNV-1a with a salt, then stirred).
pub(super) fn mix(text: &str, salt: i64) -> u64 {
    let start = 0xcbf2_9ce4_8422_2325 ^ salt.unsigned_abs().wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = text.bytes().fold(start, |state, byte| (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 13
}
