//! Who a profile is: API keys in a header, or a login with a token that is a number and a cookie. Never both: the
//! product refuses a request that carries the two.

use reqwest::Method;
use reqwest::header::{COOKIE, HeaderName};
use serde::Deserialize;
use serde_json::json;

use crate::backends::Connector;
use crate::backends::wire::Loose;
use crate::config::settings::Reader;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::http::auth::{Auth, Session, SessionProtocol, SessionRequest};
use crate::secret::{Secret, SecretSource};

const SESSION_COOKIE: &str = "TNS_SESSIONID";

/// Where the credentials of a profile come from: exactly one of the two kinds.
#[derive(Debug)]
pub enum Credentials {
    /// API keys of one user.
    Keys {
        /// `access_key`
        access: SecretSource,
        /// `secret_key`
        secret: SecretSource,
    },
    /// A login.
    Login {
        /// `username`
        username: SecretSource,
        /// `password`
        password: SecretSource,
        /// `release_session`: at the limit of sessions a login ends the user's oldest one.
        release: bool,
    },
}

impl Credentials {
    /// The keys of a login, of either kind.
    pub const KEYS: &[&str] = &["access_key", "secret_key", "username", "password", "release_session"];

    /// Reads the keys of the config. No secret is read.
    ///
    /// # Errors
    /// Exit 3, naming the key that is missing or too many.
    pub fn configure(reader: &Reader<'_>) -> Result<Self> {
        let access = reader.secret("access_key")?;
        let secret = reader.secret("secret_key")?;
        let username = reader.secret("username")?;
        let password = reader.secret("password")?;
        let release = reader.switch("release_session")?;
        let settings = reader.settings();
        let missing = |key: &str| settings.error(key, format!("`{key}` is missing"));
        match (access, secret, username, password) {
            (Some(access), Some(secret), None, None) => Ok(Self::Keys { access, secret }),
            (None, None, Some(username), Some(password)) => Ok(Self::Login { username, password, release }),
            (None, None, None, None) => Err(missing("access_key")
                .hint("a profile has `access_key` and `secret_key`, or else `username` and `password`")),
            (None, Some(_), None, None) => Err(missing("access_key")),
            (Some(_), None, None, None) => Err(missing("secret_key")),
            (None, None, None, Some(_)) => Err(missing("username")),
            (None, None, Some(_), None) => Err(missing("password")),
            (_, _, username, _) => {
                let key = if username.is_some() { "username" } else { "password" };
                Err(settings
                    .error(key, format!("`{key}` cannot stand beside API keys"))
                    .hint("keep `access_key` and `secret_key`, or `username` and `password`"))
            }
        }
    }

    /// Reads the secrets.
    ///
    /// # Errors
    /// Exit 3, naming profile, key and source.
    pub fn read(&self, connector: &Connector<'_>) -> Result<Auth> {
        match self {
            Self::Keys { access, secret } => Ok(Auth::key_pair(
                "x-apikey",
                connector.secret("access_key", access)?,
                connector.secret("secret_key", secret)?,
                |access, secret| format!("accesskey={access}; secretkey={secret};"),
            )),
            Self::Login { username, password, release } => {
                // A user name is no secret: as a plain text it may stand in a file that others can read.
                let username = match username {
                    SecretSource::Literal { secret, .. } if !secret.expose().is_empty() => secret.clone(),
                    source => connector.secret("username", source)?,
                };
                let password = connector.secret("password", password)?;
                let profile = connector.profile.to_owned();
                Ok(Auth::Session(Session::new(Box::new(Token { profile, username, password, release: *release }))))
            }
        }
    }

    /// What a read under these credentials proves.
    pub fn proof(&self) -> &'static str {
        match self {
            Self::Keys { .. } => "the keys are accepted",
            Self::Login { .. } => "the login is accepted",
        }
    }
}

/// `POST /token` and `DELETE /token`.
#[derive(Debug)]
struct Token {
    profile: String,
    username: Secret,
    password: Secret,
    release: bool,
}

#[derive(Debug, Deserialize)]
struct Login {
    response: Granted,
}

#[derive(Debug, Deserialize)]
struct Granted {
    /// A number.
    #[serde(default)]
    token: Loose,
}

impl SessionProtocol for Token {
    fn login(&self) -> SessionRequest {
        let body = json!({
            "username": self.username.expose(),
            "password": self.password.expose(),
            "releaseSession": self.release,
        });
        let body = Some(Secret::new(body.to_string()));
        SessionRequest { method: Method::POST, path: vec!["token".to_owned()], body }
    }

    fn accept(&self, body: &[u8], cookies: &[String]) -> Result<Vec<(HeaderName, Secret)>> {
        let profile = &self.profile;
        let login: Login = serde_json::from_slice(body).map_err(|problem| {
            Error::bad_data(format!("profile `{profile}`: the answer to the login is not what the API promises"))
                // The position alone: the answer may hold the token.
                .because(format!("line {}, column {}", problem.line(), problem.column()))
        })?;
        let Some(token) = login.response.token.owned() else {
            let error = Error::new(
                Exit::Limited,
                format!("profile `{profile}`: no session was granted, the user has reached the limit of sessions"),
            );
            return Err(if self.release {
                error.hint("log out elsewhere, or use API keys, which need no session")
            } else {
                error.hint(format!(
                    "`release_session = true` in profile `{profile}` ends the user's oldest session at such a login; \
                     API keys need no session"
                ))
            });
        };
        let mut headers = vec![(HeaderName::from_static("x-securitycenter"), Secret::new(token))];
        // A login may set the cookie twice. The last one is valid, as in any cookie jar.
        let cookie = cookies.iter().rev().find_map(|cookie| {
            let (name, value) = cookie.split(';').next()?.split_once('=')?;
            (name.trim() == SESSION_COOKIE).then(|| value.trim())
        });
        if let Some(cookie) = cookie {
            headers.push((COOKIE, Secret::new(format!("{SESSION_COOKIE}={cookie}"))));
        }
        Ok(headers)
    }

    fn logout(&self) -> SessionRequest {
        SessionRequest { method: Method::DELETE, path: vec!["token".to_owned()], body: None }
    }

    fn secrets(&self) -> Vec<&Secret> {
        vec![&self.password]
    }
}

#[cfg(test)]
mod tests {
    use super::{Credentials, SessionProtocol as _, Token};
    use crate::config::Config;
    use crate::exit::Exit;
    use crate::secret::Secret;

    fn token(release: bool) -> Token {
        Token { profile: "sc".into(), username: Secret::new("ann"), password: Secret::new("pass\"word"), release }
    }

    fn accepted(body: &str, cookies: &[&str]) -> crate::error::Result<Vec<(String, String)>> {
        let cookies: Vec<String> = cookies.iter().map(|cookie| (*cookie).to_owned()).collect();
        let headers = token(false).accept(body.as_bytes(), &cookies)?;
        Ok(headers.into_iter().map(|(name, value)| (name.to_string(), value.expose().to_owned())).collect())
    }

    #[test]
    fn the_login_body_is_json_whatever_the_password() {
        let body = token(true).login().body.unwrap();
        let body: serde_json::Value = serde_json::from_str(body.expose()).unwrap();
        assert_eq!(body, serde_json::json!({"username": "ann", "password": "pass\"word", "releaseSession": true}));
    }

    #[test]
    fn a_token_is_a_number_and_the_last_cookie_counts() {
        let headers = accepted(
            r#"{"type":"regular","response":{"lastFailedLogin":null,"token":1000000001},"error_code":0}"#,
            &["TNS_SESSIONID=old; path=/; secure; HttpOnly", "other=1", "TNS_SESSIONID=new; path=/; SameSite=Strict"],
        );
        let expected = [("x-securitycenter", "1000000001"), ("cookie", "TNS_SESSIONID=new")];
        assert_eq!(headers.unwrap(), expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert_eq!(accepted(r#"{"response":{"token":"12"}}"#, &[]).unwrap()[0].1, "12");
    }

    #[test]
    fn a_login_without_a_token_is_the_limit_of_sessions() {
        let body = r#"{"response":{"releaseSession":true},"error_code":0}"#;
        let error = accepted(body, &[]).unwrap_err();
        assert_eq!(error.exit(), Exit::Limited);
        assert!(error.hint_text().unwrap().contains("release_session = true"));
        let error = token(true).accept(body.as_bytes(), &[]).unwrap_err();
        assert!(!error.hint_text().unwrap().contains("release_session"));
    }

    #[test]
    fn an_unreadable_login_answer_is_not_echoed() {
        let error = accepted(r#"{"response":{"token":"#, &[]).unwrap_err();
        assert_eq!(error.exit(), Exit::BadData);
        let error = accepted(r#"{"response":"canary"}"#, &[]).unwrap_err();
        assert!(!error.one_line().contains("canary"), "{error}");
    }

    #[test]
    fn exactly_one_kind_of_credentials_is_taken() {
        let configured = |keys: &str| {
            let text = format!("[profiles.sc]\nbackend = 'tenable-sc'\n{keys}");
            let config = Config::parse("config.toml".into(), &text).unwrap();
            let settings = config.profile("sc").unwrap();
            let reader = settings.reader();
            let credentials = Credentials::configure(&reader).map_err(|error| {
                assert_eq!(error.exit(), Exit::Config);
                error.one_line()
            })?;
            reader.finish().map_err(|error| error.one_line())?;
            Ok::<_, String>(credentials)
        };
        let keys = "access_key = { env = 'A' }\nsecret_key = { env = 'S' }\n";
        let login = "username = 'ann'\npassword = { env = 'P' }\nrelease_session = true\n";
        assert!(matches!(configured(keys), Ok(Credentials::Keys { .. })));
        assert!(matches!(configured(login), Ok(Credentials::Login { release: true, .. })));
        for (text, key) in [
            ("", "`access_key` is missing"),
            ("access_key = { env = 'A' }", "`secret_key` is missing"),
            ("secret_key = { env = 'S' }", "`access_key` is missing"),
            ("username = 'ann'", "`password` is missing"),
            ("password = { env = 'P' }", "`username` is missing"),
            (&format!("{keys}{login}"), "`username` cannot stand beside API keys"),
            (&format!("{keys}password = {{ env = 'P' }}"), "`password` cannot stand beside API keys"),
        ] {
            let error = configured(text).unwrap_err();
            assert!(error.contains(key), "{text}: {error}");
        }
    }
}
