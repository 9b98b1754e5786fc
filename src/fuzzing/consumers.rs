//! The editors of other tools' configuration: a change is made whole or refused; made, it is there once and can be taken back to the byte;
//! and what only looks like ours is not taken for more than it is.

use toml::de::{DeTable, DeValue};

use super::halves;
use super::stored::assert_told;
use crate::consumer::{
    Change, Edit, Program, aws::CredentialProcess, bazel as bazelrc, cargo as cargo_config, docker::CredHelpers, git as git_config,
    goauth::GoAuth, kubectl::Kubeconfig, make, revert, take_back, terraform::CredentialsHelper, vault as vault_config,
};

const HOSTS: [&str; 2] = ["h.example.com", "i.example.com:5000"];

fn program() -> Program {
    Program { path: "token".to_owned(), profile: "prod".to_owned() }
}

fn hosts() -> Vec<String> {
    HOSTS.map(str::to_owned).into()
}

/// What holds of each of `changes` for a text.
fn hold(bytes: &[u8], changes: &[&dyn Change], is_sound: impl Fn(&str, &str)) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    for change in changes {
        let _ = (change.is_blank(text), change.remark(text));
        let recognised = take_back(*change, text, &[]);
        if let Err(mistake) = &recognised {
            assert_told(mistake, text);
        }
        let made = match make(*change, text, &[]) {
            Ok(Some(made)) => made,
            Ok(None) => continue,
            Err(mistake) => {
                assert_told(&mistake, recognised.as_deref().map_or(text, |base| if base.len() > text.len() { base } else { text }));
                continue;
            }
        };
        let base = recognised.unwrap_or_else(|mistake| panic!("made, but not to be recognised: {mistake:?}"));
        assert_eq!(take_back(*change, &made.text, &made.edits).as_ref(), Ok(&base), "taken back by memory");
        assert_eq!(make(*change, &made.text, &made.edits), Ok(None), "made twice");
        is_sound(&base, &made.text);
        if let Ok(without) = take_back(*change, &made.text, &[]) {
            assert_ne!(change.is_made(&without), Ok(true), "taken back by what it says");
            is_sound(&base, &without);
        }
    }
}

fn any(_: &str, _: &str) {}

/// `aws`
pub(super) fn aws(bytes: &[u8]) {
    let [named, default] = ["prod", "default"].map(|profile| CredentialProcess { program: program(), profile: profile.to_owned() });
    hold(bytes, &[&named, &default], any);
}

/// `bazel`
pub(super) fn bazel(bytes: &[u8]) {
    hold(bytes, &[&bazelrc::Helpers { helper: bazelrc::LINK.to_owned(), hosts: hosts() }], any);
}

/// `cargo`: what it was is TOML, and so is what it becomes, with the same values elsewhere.
pub(super) fn cargo(bytes: &[u8]) {
    let provider = |registries: &[&str], hosts: Vec<String>| cargo_config::Provider {
        path: cargo_config::LINK.to_owned(),
        profile: "prod".to_owned(),
        registries: registries.iter().copied().map(str::to_owned).collect(),
        hosts,
    };
    let all = [provider(&["mine", "o ther"], Vec::new()), provider(&[], Vec::new()), provider(&[], hosts())];
    let changes: Vec<&dyn Change> = all.iter().map(|change| change as &dyn Change).collect();
    hold(bytes, &changes, |before, after| {
        let elsewhere = |text: &str| {
            let table = DeTable::parse(text).unwrap_or_else(|error| panic!("{text:?}: {error}"));
            let is_elsewhere = |(key, _): &(String, DeValue<'_>)| !matches!(key.as_str(), "registry" | "registries");
            let entries = table.into_inner().into_iter().map(|(key, value)| (key.into_inner().into_owned(), value.into_inner()));
            entries.filter(is_elsewhere).map(|(key, value)| (key, said(&value))).collect::<Vec<_>>()
        };
        assert_eq!(elsewhere(before), elsewhere(after));
    });
}

/// What a value says, wherever it stands.
fn said(value: &DeValue<'_>) -> String {
    if let Some(list) = value.as_array() {
        return list.iter().map(|item| said(item.get_ref()) + ",").collect();
    }
    match value.as_table() {
        Some(table) => table.iter().map(|(key, value)| [key.get_ref().as_ref(), "=", &said(value.get_ref()), ","].concat()).collect(),
        None => format!("{value:?}"),
    }
}

/// `docker`: what it was is JSON, and so is what it becomes, with the same values elsewhere.
pub(super) fn docker(bytes: &[u8]) {
    let helpers = |helper: &str, hosts| CredHelpers { helper: helper.to_owned(), profile: "prod".to_owned(), hosts };
    let (named, unnamed) = (helpers("token-prod", hosts()), helpers("token", vec![HOSTS[0].to_owned()]));
    hold(bytes, &[&named, &unnamed], |before, after| {
        let elsewhere = |text: &str| {
            let text = if text.trim().is_empty() { "{}" } else { text };
            let mut object: serde_json::Map<String, serde_json::Value> =
                serde_json::from_str(text).unwrap_or_else(|error| panic!("{text:?}: {error}"));
            if let Some(serde_json::Value::Object(mut helpers)) = object.remove("credHelpers") {
                helpers.retain(|host, _| !HOSTS.contains(&host.as_str()));
                object.extend(helpers.into_iter().map(|(host, helper)| (format!("credHelpers {host}"), helper)));
            }
            object
        };
        assert_eq!(elsewhere(before), elsewhere(after));
    });
}

/// `git`
pub(super) fn git(bytes: &[u8]) {
    hold(bytes, &[&git_config::Helpers { program: program(), hosts: hosts() }], any);
}

/// `goauth`
pub(super) fn goauth(bytes: &[u8]) {
    hold(bytes, &[&GoAuth { program: program() }], any);
}

/// `kubectl`
pub(super) fn kubectl(bytes: &[u8]) {
    let named = |name: Option<&str>| name.map(str::to_owned);
    let kubeconfig = |context, cluster| Kubeconfig {
        program: program(),
        user: "token-prod".to_owned(),
        context: named(context),
        cluster: named(cluster),
    };
    let all = [kubeconfig(None, None), kubeconfig(Some("work"), None), kubeconfig(Some("new"), Some("c"))];
    hold(bytes, &[&all[0], &all[1], &all[2]], any);
}

/// `terraform`
pub(super) fn terraform(bytes: &[u8]) {
    hold(bytes, &[&CredentialsHelper { program: program() }], any);
}

/// `vault`, and its script.
pub(super) fn vault(bytes: &[u8]) {
    let script = format!("/home/me/bin/{}", vault_config::script_name("prod"));
    hold(bytes, &[&vault_config::TokenHelper { script }, &vault_config::Script { program: program() }], any);
}

/// What is remembered of edits may be of another text, or nothing that we wrote: JSON up to the first NUL, then the text. What is not
/// borne out by the text leaves it as it is.
pub(super) fn memory(bytes: &[u8]) {
    let (remembered, text) = halves(bytes);
    let (Ok(edits), Ok(text)) = (serde_json::from_slice::<Vec<Edit>>(remembered), std::str::from_utf8(text)) else { return };
    let before = revert(text, &edits);
    if edits.iter().all(|edit| !text.contains(&edit.inserted)) {
        // One edit may bring back what the next one then finds.
        assert_eq!(before, text);
    }
    for change in [&GoAuth { program: program() } as &dyn Change, &CredentialsHelper { program: program() }] {
        let _ = take_back(change, text, &edits);
        let _ = make(change, text, &edits);
    }
}
