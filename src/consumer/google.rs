//! Google's libraries: an `external_account` whose subject token comes from a command. What account, and by which pool, nobody here knows,
//! so nothing is written: this is what a file for `GOOGLE_APPLICATION_CREDENTIALS` looks like.

use super::Program;

/// What the libraries wait for the command at most, in milliseconds, 120 s being the most they allow.
const TIMEOUT: u32 = 30_000;

/// Such a file.
#[must_use]
pub fn external_account(program: &Program) -> String {
    let account = serde_json::json!({
        "type": "external_account",
        "audience": "//iam.googleapis.com/projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER",
        "subject_token_type": "urn:ietf:params:oauth:token-type:id_token",
        "token_url": "https://sts.googleapis.com/v1/token",
        "credential_source": { "executable": { "command": program.shell("google"), "timeout_millis": TIMEOUT } },
    });
    serde_json::to_string_pretty(&account).unwrap_or_default() + "\n"
}
