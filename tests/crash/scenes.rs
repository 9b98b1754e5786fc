//! Commands that change files, and what is there before them: each can be put back to its beginning, and looked at after any end.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::sync::Mutex;
use std::time::Duration;

use crate::points::{self, Step};
use crate::snapshot::{Snapshot, Thing, age, is_temporary};
use crate::support::{Issuer, Outcome, QUICK, REFRESH, RESTLESS, Reply, Reuse, Test, login_profile, now, profile, wait_until};

/// A command, what is there before it, and what may come of it.
pub struct Scene {
    pub name: &'static str,
    pub args: &'static [&'static str],
    pub exit: i32,
    /// What it says when it is run again after somebody was killed, at most.
    pub lines: usize,
    make: fn() -> Home,
}

/// The home of a test, and the issuer that it is at.
pub struct Home {
    #[expect(dead_code, reason = "it answers for as long as it lives")]
    pub issuer: Issuer,
    pub test: Test,
    pub before: Snapshot,
    /// What the command makes of it when nothing comes in between.
    pub after: Snapshot,
}

pub const SCENES: [Scene; 13] = [
    Scene { name: "the first get of all", args: &["get", "prod"], exit: 0, lines: 0, make: bare },
    Scene { name: "a cold get", args: &["get", "prod"], exit: 0, lines: 0, make: cold },
    Scene { name: "a get near expiry", args: &["get", "prod"], exit: 0, lines: 0, make: near_expiry },
    Scene { name: "a get over a damaged entry", args: &["get", "prod"], exit: 0, lines: 4, make: damaged },
    Scene { name: "a get after a failure", args: &["get", "prod"], exit: 0, lines: 0, make: after_a_failure },
    Scene { name: "a get that fails", args: &["get", "prod", "--max-retries", "1"], exit: 5, lines: 4, make: failing },
    Scene { name: "get -- COMMAND", args: &["get", "--name", "prod", "--", "sh", "-c", "echo token-1"], exit: 0, lines: 0, make: command },
    Scene { name: "renew", args: &["renew", "prod"], exit: 0, lines: 1, make: warm },
    Scene { name: "renew with a sink and a hook", args: &["renew", "prod"], exit: 0, lines: 1, make: delivering },
    Scene { name: "purge", args: &["purge", "prod"], exit: 0, lines: 1, make: with_everything },
    Scene { name: "purge --revoke", args: &["purge", "prod", "--revoke"], exit: 0, lines: 1, make: with_everything },
    Scene { name: "helper setup --write", args: &["helper", "setup", "docker", "-p", "prod", "--write"], exit: 0, lines: 3, make: foreign },
    Scene {
        name: "helper setup --undo --write",
        args: &["helper", "setup", "docker", "-p", "prod", "--undo", "--write"],
        exit: 0,
        lines: 3,
        make: set_up,
    },
];

/// The same, where one certificate stands for all that this machine trusts, which takes long to read.
pub fn trusting_one(test: Test) -> Test {
    let certificate = rcgen::generate_simple_self_signed(["example.com".to_owned()]).unwrap().cert.pem();
    let path = test.path("config/ca.pem");
    fs::write(&path, certificate).unwrap();
    test.env("SSL_CERT_FILE", path)
}

impl Home {
    /// With this configuration, and what `prepare` does in it.
    pub fn new(config: impl Fn(&Issuer) -> String, prepare: impl FnOnce(&Test, &Issuer)) -> Self {
        Self::at(Issuer::start(), config, prepare)
    }

    fn at(issuer: Issuer, config: impl Fn(&Issuer) -> String, prepare: impl FnOnce(&Test, &Issuer)) -> Self {
        let test = trusting_one(Test::configured(&config(&issuer)));
        prepare(&test, &issuer);
        let before = Snapshot::of(&test.path(""));
        Self { issuer, test, before, after: Snapshot::default() }
    }

    fn with_sibling(config: impl Fn(&Issuer) -> String, prepare: impl FnOnce(&Test, &Issuer)) -> Self {
        let both = |issuer: &Issuer| config(issuer) + &profile("other", &issuer.endpoint());
        Self::new(both, |test, issuer| {
            test.run(&["get", "other"]).gives("token-1");
            prepare(test, issuer);
        })
    }

    pub fn now(&self) -> Snapshot {
        Snapshot::of(&self.test.path(""))
    }

    fn text(&self, name: &str) -> Vec<u8> {
        fs::read(self.test.path(name)).unwrap()
    }
}

fn usual(issuer: &Issuer) -> String {
    QUICK.to_owned() + &profile("prod", &issuer.endpoint())
}

fn bare() -> Home {
    Home::new(usual, |_, _| {})
}

fn cold() -> Home {
    Home::with_sibling(usual, |_, _| {})
}

pub fn warm() -> Home {
    Home::with_sibling(usual, |test, _| {
        test.run(&["get", "prod"]).gives("token-2");
    })
}

fn near_expiry() -> Home {
    let config = |issuer: &Issuer| RESTLESS.to_owned() + &profile("prod", &issuer.endpoint());
    Home::with_sibling(config, |test, issuer| {
        issuer.script([Reply::token(600)]);
        test.run(&["get", "prod"]).gives("token-2");
        let issued_at = test.entry("prod").unwrap()["issued_at"].as_f64().unwrap();
        wait_until("the token to near its expiry", || now() > issued_at + 1.05);
    })
}

fn damaged() -> Home {
    Home::with_sibling(usual, |test, _| {
        test.run(&["get", "prod"]).gives("token-2");
        let whole = fs::read(test.entry_path("prod")).unwrap();
        fs::write(test.entry_path("prod"), &whole[..whole.len() / 2]).unwrap();
    })
}

fn after_a_failure() -> Home {
    Home::with_sibling(usual, |test, issuer| {
        fail(test, issuer);
        issuer.answer(Reply::token(3600));
        // Its memory is in force for 50 ms.
        std::thread::sleep(Duration::from_millis(60));
    })
}

fn fail(test: &Test, issuer: &Issuer) {
    issuer.answer(Reply::status(503));
    test.run(&["get", "prod", "--max-retries", "1"]).fails(5, "prod");
}

fn failing() -> Home {
    Home::with_sibling(usual, |_, issuer| issuer.answer(Reply::status(503)))
}

fn command() -> Home {
    Home::with_sibling(|_| QUICK.to_owned(), |_, _| {})
}

fn delivering() -> Home {
    let sink = "sink = { path = '../../sinks/prod' }\non_renew = ['true']\n";
    Home::with_sibling(
        |issuer| usual(issuer) + sink,
        |test, _| {
            test.run(&["get", "prod"]).gives("token-2");
        },
    )
}

/// A token, a login, a memory of a failure, a damaged entry that was kept, and a sibling with a login of its own.
fn with_everything() -> Home {
    let issuer = Issuer::rotating(Reuse::IsUsual);
    let config = |issuer: &Issuer| {
        let (endpoint, seed) = (issuer.endpoint(), issuer.seed());
        let revocable = format!("{}revocation_endpoint = \"{}/revoke\"\n", login_profile("prod", &endpoint, &seed), issuer.url());
        format!("{QUICK}{revocable}{}", login_profile("other", &endpoint, &seed))
    };
    Home::at(issuer, config, |test, issuer| {
        for profile in ["other", "prod"] {
            test.run(&["get", profile]).exits(0);
        }
        fs::write(test.entry_path("prod"), "rubbish").unwrap();
        test.run(&["get", "prod"]).exits(0);
        issuer.script_at("/token", [Reply::status(503)]);
        test.run(&["renew", "prod", "--max-retries", "1"]).exits(5);
        issuer.script_at("/token", []);
        issuer.answer(Reply::status(200));
        let kept = ["prod.failure", "prod.json", "prod.json.damaged"];
        assert!(kept.iter().all(|name| test.cache_files().contains(&(*name).to_owned())), "{:?}", test.cache_files());
    })
}

/// A tool's own configuration, with something in it.
fn foreign() -> Home {
    let config = "[profile.prod]\nsource = \"env\"\nvariable = \"UNSET\"\nhosts = [\"registry.example.com\"]\n";
    let home = Home::new(
        |_| config.to_owned(),
        |test, _| {
            for folder in ["bin", ".docker"] {
                fs::create_dir(test.path(folder)).unwrap();
            }
            symlink(env!("CARGO_BIN_EXE_token"), test.path("bin/token")).unwrap();
            let own = test.path(".docker/config.json");
            fs::write(&own, "{\n  \"auths\": { \"mine.example.com\": { \"auth\": \"eDp5\" } }\n}\n").unwrap();
            fs::set_permissions(&own, Permissions::from_mode(0o600)).unwrap();
        },
    );
    let path = std::env::join_paths([home.test.path("bin")].into_iter().chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())));
    Home { test: home.test.env("PATH", path.unwrap()), ..home }
}

fn set_up() -> Home {
    let home = foreign();
    home.test.run(&["helper", "setup", "docker", "-p", "prod", "--write"]).exits(0);
    let before = home.now();
    Home { before, ..home }
}

impl Scene {
    #[track_caller]
    fn home(&self) -> Home {
        let home = (self.make)();
        home.test.run(self.args).exits(self.exit).is_polite();
        let after = home.now();
        assert!(after.temporary().is_empty(), "{}: {:?}", self.name, after.names());
        Home { after, ..home }
    }
}

/// A scene with the steps of its command, and homes to do it in.
pub struct Stage<'s> {
    pub scene: &'s Scene,
    pub steps: Vec<Step>,
    /// How long it takes.
    pub usual: Duration,
    /// The home that the steps were made in.
    root: String,
    homes: Mutex<Vec<Home>>,
}

impl<'s> Stage<'s> {
    #[track_caller]
    pub fn set(scene: &'s Scene) -> Self {
        let home = scene.home();
        home.before.put_back(&home.test.path(""));
        let usual = home.test.run(scene.args).elapsed;
        home.before.put_back(&home.test.path(""));
        let (test, outcome, steps) = points::of_run(home.test, scene.args);
        outcome.exits(scene.exit);
        let root = test.path("").to_str().unwrap().trim_end_matches('/').to_owned();
        Self { scene, steps, usual, root, homes: Mutex::new(vec![Home { test, ..home }]) }
    }

    pub fn root(&self) -> String {
        self.root.clone()
    }

    /// In a home where all is as before, does this.
    pub fn play<T>(&self, act: impl FnOnce(Home) -> (Home, T)) -> T {
        let home = self.homes.lock().unwrap().pop();
        let home = home.unwrap_or_else(|| self.scene.home());
        home.before.put_back(&home.test.path(""));
        let (home, outcome) = act(home);
        self.homes.lock().unwrap().push(home);
        outcome
    }

    /// Every file is what it was, or whole and what it may become; and the sibling's are what they were.
    #[track_caller]
    pub fn is_old_or_new(&self, home: &Home, point: &str) {
        let now = home.now();
        for (name, thing) in &now.0 {
            let (before, after) = (home.before.0.get(name), home.after.0.get(name));
            if before == Some(thing) || after == Some(thing) {
                continue;
            }
            match thing {
                Thing::File(mode, _) if is_temporary(name) => assert_eq!(mode & 0o077, 0, "{point}: {name} is open to others"),
                Thing::Directory(mode) if is_temporary(name) => assert_eq!(mode & 0o077, 0, "{point}: {name} is open to others"),
                Thing::File(mode, bytes) => {
                    assert!(!name.contains("other") && after.is_some(), "{point}: {name} has changed");
                    assert!(matches!(after, Some(Thing::File(usual, _)) if usual == mode), "{point}: {name} has mode {mode:o}");
                    self.is_whole(home, name, bytes, point);
                }
                _ => panic!("{point}: {name} is {thing:?}, was {before:?}, and becomes {after:?}"),
            }
        }
        let was_set_aside = now.0.contains_key("cache/prod.json.damaged") && !home.before.0.contains_key("cache/prod.json.damaged");
        for name in home.before.names().into_iter().filter(|name| !now.0.contains_key(*name)) {
            let goes_anyway = !home.after.0.contains_key(name) || (name == "cache/prod.json" && was_set_aside);
            assert!(goes_anyway, "{point}: {name} is lost");
        }
    }

    /// A file that is neither what it was nor, to the byte, what another run made of it.
    #[track_caller]
    fn is_whole(&self, home: &Home, name: &str, bytes: &[u8], point: &str) {
        let text = String::from_utf8_lossy(bytes);
        match name {
            "cache/prod.json" => {
                let offline = home.test.run(&["get", "prod", "--offline"].map(|word| word));
                let given = if self.scene.args.contains(&"--") { offline.stdout() } else { offline.exits(0).stdout() };
                assert!(self.scene.args.contains(&"--") || text.contains(&format!("\"{}\"", given.trim_end())), "{point}{offline}");
                serde_json::from_str::<serde_json::Value>(&text).unwrap_or_else(|error| panic!("{point}: {name}: {error}"));
            }
            "sinks/prod" => {
                let number = text.strip_prefix("token-").and_then(|number| number.parse::<usize>().ok());
                assert!(number.is_some(), "{point}: {name}: {text:?}");
            }
            "state/prod.json" => {
                assert_eq!(home.test.status("prod")["login"], "present", "{point}: {text}");
                assert!(text.contains(REFRESH), "{point}: {text}");
            }
            "cache/prod.failure" | "cache/prod.json.damaged" => {
                let is_set_aside =
                    home.before.0.get("cache/prod.json").is_some_and(|thing| matches!(thing, Thing::File(_, old) if old == bytes));
                let is_json = serde_json::from_str::<serde_json::Value>(&text).is_ok_and(|value| value.is_object());
                assert!(is_set_aside || is_json, "{point}: {name}: {text}");
            }
            _ => panic!("{point}: {name} is neither what it was nor what it becomes: {text:?}"),
        }
    }

    /// The same command goes through, without a word about what befell the one before, and leaves what it leaves always: what lies
    /// about is swept up.
    #[track_caller]
    pub fn goes_on(&self, home: &Home, point: &str) {
        let again = self.runs_again(home, point);
        is_done(home, point, &again);
    }

    /// The same where something was told to be missing, which may be missing still; `is_untidy` where it lies about until a renewal.
    #[track_caller]
    pub fn goes_on_with_less(&self, home: &Home, point: &str, is_untidy: bool) {
        let again = self.runs_again(home, point);
        let now = home.now();
        // The memory of a failure is over once there is a token that was issued later.
        let may_stay = |name: &str| home.after.0.contains_key(name) || (is_untidy && is_temporary(name)) || name == "cache/prod.failure";
        let strays: Vec<_> = now.names().into_iter().filter(|name| !may_stay(name)).collect();
        assert!(strays.is_empty(), "{point}: {strays:?} are left{again}");
        others_are_unchanged(home, &now, point, &again);
    }

    #[track_caller]
    fn runs_again(&self, home: &Home, point: &str) -> Outcome {
        age(&home.test.path(""));
        let again = home.test.run(self.scene.args);
        again.exits(self.scene.exit).is_polite();
        assert!(again.stderr.lines().count() <= self.scene.lines, "{point}: words about a crash{again}");
        again
    }
}

/// All is as after a run that nothing comes between.
#[track_caller]
pub fn is_done(home: &Home, point: &str, again: &Outcome) {
    let now = home.now();
    assert_eq!(now.names(), home.after.names(), "{point}: another set of files{again}");
    others_are_unchanged(home, &now, point, again);
    if again.stdout.starts_with(b"token-") {
        let cached = String::from_utf8(home.text("cache/prod.json")).unwrap();
        assert!(cached.contains(&format!("\"{}\"", again.stdout().trim_end())), "{point}: another token is kept{again}");
    }
}

#[track_caller]
fn others_are_unchanged(home: &Home, now: &Snapshot, point: &str, again: &Outcome) {
    for (name, thing) in now.0.iter().filter(|(name, _)| (name.contains("other") || !name.contains("prod")) && !is_temporary(name)) {
        assert_eq!(Some(thing), home.after.0.get(name), "{point}: {name}{again}");
    }
}
