//! Certificates for tests, made on the spot: an authority, and what it signs.
//!
//! Written out as DER by hand, because a certificate library would bring two dozen packages into the lock file.

use std::net::IpAddr;
use std::sync::Arc;

use base64::Engine as _;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};

const ECDSA_WITH_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const PRIME256V1: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const OBJECT: u8 = 0x06;
const UTF8: u8 = 0x0c;
const TIME: u8 = 0x18;
const BITS: u8 = 0x03;
const OCTETS: u8 = 0x04;

fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let mut out = vec![tag];
    match content.len() {
        short @ 0..=127 => out.push(short as u8),
        longer @ 128..=255 => out.extend([0x81, longer as u8]),
        long => out.extend([0x82, (long >> 8) as u8, long as u8]),
    }
    out.extend(content);
    out
}

fn pem(label: &str, bytes: &[u8]) -> String {
    let text = base64::engine::general_purpose::STANDARD.encode(bytes);
    let lines: Vec<&str> =
        text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).expect("base64 is ASCII")).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

struct Key {
    pair: EcdsaKeyPair,
    pkcs8: Vec<u8>,
    random: SystemRandom,
}

impl Key {
    fn new() -> Self {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).expect("a key");
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.as_ref(), &random).expect("that key");
        Self { pair, pkcs8: pkcs8.as_ref().to_vec(), random }
    }

    fn public(&self) -> Vec<u8> {
        let algorithm = der(SEQUENCE, &[&der(OBJECT, &[EC_PUBLIC_KEY]), &der(OBJECT, &[PRIME256V1])]);
        der(SEQUENCE, &[&algorithm, &der(BITS, &[&[0], self.pair.public_key().as_ref()])])
    }
}

fn named(name: &str) -> Vec<u8> {
    let attribute = der(SEQUENCE, &[&der(OBJECT, &[COMMON_NAME]), &der(UTF8, &[name.as_bytes()])]);
    der(SEQUENCE, &[&der(SET, &[&attribute])])
}

fn extension(id: &[u8], value: &[u8]) -> Vec<u8> {
    der(SEQUENCE, &[&der(OBJECT, &[id]), &der(OCTETS, &[value])])
}

/// A certificate with its key.
pub struct Certificate {
    der: Vec<u8>,
    key: Vec<u8>,
}

impl Certificate {
    /// The certificate as PEM.
    pub fn pem(&self) -> String {
        pem("CERTIFICATE", &self.der)
    }

    /// The key as PEM.
    pub fn key_pem(&self) -> String {
        pem("PRIVATE KEY", &self.key)
    }

    fn server(&self, builder: rustls::ConfigBuilder<ServerConfig, rustls::server::WantsServerCert>) -> ServerConfig {
        let chain = vec![CertificateDer::from(self.der.clone())];
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(self.key.clone()));
        builder.with_single_cert(chain, key).expect("certificate and key fit")
    }

    /// A server that shows this certificate.
    pub fn serving(&self) -> ServerConfig {
        self.server(builder().with_no_client_auth())
    }

    /// A server that shows this certificate and demands one of this authority's from its clients.
    pub fn serving_only(&self, clients: &Authority) -> ServerConfig {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(clients.der.clone())).expect("an authority");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().expect("a verifier");
        self.server(builder().with_client_cert_verifier(verifier))
    }
}

fn builder() -> rustls::ConfigBuilder<ServerConfig, rustls::WantsVerifier> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().expect("ring has all versions")
}

/// A certificate authority that nobody trusts unless told to.
pub struct Authority {
    name: &'static str,
    key: Key,
    der: Vec<u8>,
}

impl Authority {
    /// A new authority.
    pub fn new(name: &'static str) -> Self {
        let key = Key::new();
        let is_authority = extension(BASIC_CONSTRAINTS, &der(SEQUENCE, &[&[0x01, 0x01, 0xff]]));
        let der = signed(name, &key, name, &key, "20990101000000Z", &is_authority);
        Self { name, key, der }
    }

    /// Its own certificate as PEM.
    pub fn pem(&self) -> String {
        pem("CERTIFICATE", &self.der)
    }

    /// A certificate for these names and addresses.
    pub fn issue(&self, names: &[&str]) -> Certificate {
        self.issue_until(names, "20990101000000Z")
    }

    /// A certificate that ran out in 2021.
    pub fn issue_expired(&self, names: &[&str]) -> Certificate {
        self.issue_until(names, "20210101000000Z")
    }

    fn issue_until(&self, names: &[&str], until: &str) -> Certificate {
        let key = Key::new();
        let names: Vec<Vec<u8>> = names
            .iter()
            .map(|name| match name.parse::<IpAddr>() {
                Ok(IpAddr::V4(address)) => der(0x87, &[&address.octets()]),
                Ok(IpAddr::V6(address)) => der(0x87, &[&address.octets()]),
                Err(_name) => der(0x82, &[name.as_bytes()]),
            })
            .collect();
        let names = extension(SUBJECT_ALT_NAME, &der(SEQUENCE, &[&names.concat()]));
        Certificate { der: signed(self.name, &self.key, "test", &key, until, &names), key: key.pkcs8 }
    }
}

fn signed(issuer: &str, signer: &Key, subject: &str, key: &Key, until: &str, extension: &[u8]) -> Vec<u8> {
    let algorithm = der(SEQUENCE, &[&der(OBJECT, &[ECDSA_WITH_SHA256])]);
    let validity = der(SEQUENCE, &[&der(TIME, &[b"20200101000000Z"]), &der(TIME, &[until.as_bytes()])]);
    let content = der(
        SEQUENCE,
        &[
            // Version 3, serial number 1.
            &[0xa0, 0x03, 0x02, 0x01, 0x02, 0x02, 0x01, 0x01],
            &algorithm,
            &named(issuer),
            &validity,
            &named(subject),
            &key.public(),
            &der(0xa3, &[&der(SEQUENCE, &[extension])]),
        ],
    );
    let signature = signer.pair.sign(&signer.random, &content).expect("a signature");
    der(SEQUENCE, &[&content, &algorithm, &der(BITS, &[&[0], signature.as_ref()])])
}
