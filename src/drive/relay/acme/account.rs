//! The account at the authority: made once, and kept beside the certificates.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use instant_acme::{Account, AccountCredentials, NewAccount};
use serde::{Deserialize, Serialize};

use super::super::options::AcmeOptions;
use super::super::private_file;
use super::authority::Authority;
use super::failure::{Failure, Kind};

/// Longest file read as one.
const LARGEST: u64 = 1 << 16;

const STAGE: &str = "the account";

/// What is in the file.
#[derive(Serialize, Deserialize)]
struct Kept {
    /// As the authority was told it.
    email: Option<String>,
    /// With the account's private key.
    account: AccountCredentials,
}

/// Each authority has an account of its own.
fn file(options: &AcmeOptions) -> PathBuf {
    let place = options.directory.split_once("://").map_or(options.directory.as_str(), |(_, place)| place);
    let name: String = place
        .chars()
        .map(|it| if it.is_ascii_alphanumeric() || it == '-' || it == '.' { it } else { '-' })
        .take(100)
        .collect();
    options.dir.join(format!("acme-account-{}.json", name.trim_end_matches('-')))
}

/// The account there is, else a new one. The authority is asked either way: for its directory.
pub(super) async fn open(options: &AcmeOptions, authority: &Authority) -> Result<Account, Failure> {
    let path = file(options);
    match read(&path) {
        Ok(kept) => {
            let builder = Account::builder_with_http(Box::new(authority.clone()));
            let account = builder.from_credentials(kept.account).await;
            let account = account.map_err(|error| Failure::of("the directory", &error))?;
            if kept.email != options.email {
                tell_email(options, &account, &path).await?;
            }
            Ok(account)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => make(options, authority).await,
        // With another account certificates could be had as well; but what is there is somebody's.
        Err(error) => {
            let error = io::Error::new(error.kind(), format!("cannot use {}: {error}", path.display()));
            Err(Failure::local(STAGE, &error))
        }
    }
}

/// A new account, in place of one there may be.
pub(super) async fn make(options: &AcmeOptions, authority: &Authority) -> Result<Account, Failure> {
    let contact = contact(options);
    let contact: Vec<&str> = contact.iter().map(String::as_str).collect();
    let new = NewAccount { contact: &contact, terms_of_service_agreed: true, only_return_existing: false };
    let builder = Account::builder_with_http(Box::new(authority.clone()));
    let (account, credentials) = builder.create(&new, options.directory.clone(), None).await.map_err(|error| {
        match Failure::of("a new account", &error) {
            // It begins with that, and what does not reach the one does not reach the other.
            failure if failure.kind == Kind::Network => Failure { stage: "the directory", ..failure },
            failure => failure,
        }
    })?;
    write(&file(options), &Kept { email: options.email.clone(), account: credentials })?;
    tracing::info!(directory = %options.directory, "an account was made, which agrees to the authority's terms of service");
    Ok(account)
}

async fn tell_email(options: &AcmeOptions, account: &Account, path: &Path) -> Result<(), Failure> {
    let contact = contact(options);
    let contact: Vec<&str> = contact.iter().map(String::as_str).collect();
    account.update_contacts(&contact).await.map_err(|error| Failure::of("the account's email address", &error))?;
    // Credentials cannot be copied; the file can be read again.
    let kept = read(path).map_err(|error| Failure::local(STAGE, &error))?;
    write(path, &Kept { email: options.email.clone(), ..kept })
}

fn contact(options: &AcmeOptions) -> Option<String> {
    options.email.as_ref().map(|email| format!("mailto:{email}"))
}

fn write(path: &Path, kept: &Kept) -> Result<(), Failure> {
    let text = serde_json::to_vec_pretty(kept).map_err(io::Error::other);
    text.and_then(|text| private_file::replace(path, &text, true)).map_err(|error| {
        let error = io::Error::new(error.kind(), format!("cannot write {}: {error}", path.display()));
        Failure::local(STAGE, &error)
    })
}

fn read(path: &Path) -> io::Result<Kept> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(LARGEST).read_to_end(&mut bytes)?;
    let kept = serde_json::from_slice(&bytes).map_err(|_| {
        io::Error::new(
            io::ErrorKind::InvalidData,
            "it is no account as natscope keeps it; without the file, a new one is made",
        )
    })?;
    if private_file::is_exposed(path) {
        tracing::warn!(file = %path.display(), "others than its owner may read the account's key: chmod 600");
    }
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(directory: &str) -> AcmeOptions {
        AcmeOptions { dir: PathBuf::from("/certs"), directory: directory.to_owned(), email: None, ca: None }
    }

    #[test]
    fn each_directory_has_an_account_of_its_own_within_the_directory_of_certificates() {
        for (directory, name) in [
            (
                "https://acme-v02.api.letsencrypt.org/directory",
                "acme-account-acme-v02.api.letsencrypt.org-directory.json",
            ),
            ("https://ca.example:9000/acme/local/directory/", "acme-account-ca.example-9000-acme-local-directory.json"),
            ("https://ca.example/../../etc/x", "acme-account-ca.example-..-..-etc-x.json"),
        ] {
            assert_eq!(file(&options(directory)), Path::new("/certs").join(name));
        }
    }

    #[test]
    fn a_file_that_is_none_is_an_error_and_not_a_new_account() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("account.json");
        for wrong in ["", "{}", "null", r#"{"email":null,"account":{"id":1}}"#] {
            std::fs::write(&path, wrong).unwrap();
            let error = read(&path).err().unwrap();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{wrong}");
        }
    }
}
