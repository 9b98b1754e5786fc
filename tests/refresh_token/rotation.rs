//! The first refresh token, its successors, and where they are kept (R4, S8).

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::support::home::mode;
use crate::support::privilege::{is_root, strace_for};
use crate::support::{Issuer, QUICK, REFRESH, Reply, Reuse, SECRET, Test, cases, login_profile, now, wait_until};

fn private(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

/// Whichever way the first one is given, the second renewal uses the one that the issuer gave.
#[test]
fn the_first_is_given_and_the_next_are_kept() {
    let forms = ["\"SEED\"", "{ env = \"SEED\" }", "{ file = \"~/seed\" }", "{ command = [\"cat\", \"SEED\"] }"];
    cases::each(
        &forms,
        |form| form,
        |form| {
            let issuer = Issuer::rotating(Reuse::Revokes);
            let first = issuer.first();
            let test = Test::bare().named(form).env("SEED", &first);
            private(&test.path("seed"), &format!("{first}\n"));
            let place = test.path("seed").to_str().unwrap().to_owned();
            let form = match *form {
                "\"SEED\"" => issuer.seed(),
                other if other.contains("command") => other.replace("SEED", &place),
                other => other.to_owned(),
            };
            test.configure(&format!("{QUICK}{}", login_profile("prod", &issuer.endpoint(), &form)));
            for number in 1..=4 {
                test.run(&["get", "--renew"]).gives(&format!("token-{number}"));
                assert_eq!(test.refresh_token("prod"), issuer.newest(), "{form}");
            }
            assert_eq!(issuer.sent(), (1..=4).map(|number| format!("{REFRESH}-{number}")).collect::<Vec<_>>(), "{form}");
            assert_eq!(test.status("prod")["login"], "present");
        },
    );
}

/// RFC 6749 §6: the grant, the refresh token, and the client's proof; scope and the like as for any grant.
#[test]
fn the_request_is_that_of_the_standard() {
    let issuer = Issuer::rotating(Reuse::Revokes);
    let usual = login_profile("prod", &issuer.endpoint(), &issuer.seed());
    let secret = format!("client_secret = \"{SECRET}\"\n");
    let variants = [
        (usual.clone(), true, None),
        (usual.replace(&secret, ""), false, Some(("client_id", "ci"))),
        (format!("{usual}client_auth = \"post\"\n"), false, Some(("client_secret", SECRET))),
        (format!("{usual}scope = [\"read\", \"write\"]\n"), true, Some(("scope", "read write"))),
        (format!("{usual}audience = \"api\"\n"), true, Some(("audience", "api"))),
        (format!("{usual}params = {{ tenant = \"x\" }}\n"), true, Some(("tenant", "x"))),
    ];
    let test = Test::bare();
    for (number, (config, has_header, field)) in variants.iter().enumerate() {
        test.configure(config);
        let sent = issuer.newest();
        test.run(&["get", "--renew"]).gives(&format!("token-{}", number + 1));
        let request = issuer.requests()[number].clone();
        let form = request.form();
        assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/token"));
        assert_eq!((form["grant_type"].as_str(), &form["refresh_token"]), ("refresh_token", &sent), "{form:?}");
        assert_eq!(request.header("authorization").is_some(), *has_header, "{config}");
        if let Some((name, value)) = field {
            assert_eq!(form.get(*name).map(String::as_str), Some(*value), "{form:?}");
        }
        assert!(!request.path.contains(REFRESH), "not in the address");
    }
}

#[test]
fn the_endpoint_may_be_discovered() {
    let issuer = Issuer::rotating(Reuse::Revokes);
    let config = login_profile("prod", "", &issuer.seed()).replace("token_endpoint = \"\"", &format!("issuer = \"{}\"", issuer.url()));
    let test = Test::configured(&config);
    test.get().gives("token-1");
    test.run(&["get", "--renew"]).gives("token-2");
    assert_eq!((issuer.count(), issuer.discovered()), (2, 2));
}

#[test]
fn what_is_kept_is_private_whatever_the_umask() {
    for umask in ["0", "022", "0777"] {
        let issuer = Issuer::rotating(Reuse::Revokes);
        let mut test = Test::logging_in(&issuer).named(umask);
        let line = format!("umask {umask}; exec \"$@\"");
        test = if is_root() {
            // Root may write where the mode says nobody may: only another user sees the umask's full effect.
            let wrapper = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "sh", "-c", &line, "sh"];
            test.handed_to_nobody().wrapped(&wrapper)
        } else {
            test.in_shell(&line)
        };
        for number in 1..=2 {
            test.run(&["get", "--renew"]).gives(&format!("token-{number}"));
            assert_eq!(mode(&test.state_dir()), 0o700, "umask {umask}");
            assert_eq!(test.state_files(), ["prod.json"], "umask {umask}");
            assert_eq!(mode(&test.login_path("prod")), 0o600, "umask {umask}");
        }
    }
}

#[test]
fn the_directory_is_where_it_is_said_to_be() {
    let places =
        [(None, "state/prod.json"), (Some("TOKEN_STATE_DIR"), "xdg-state/token/prod.json"), (Some("both"), ".local/state/token/prod.json")];
    for (without, place) in places {
        let issuer = Issuer::rotating(Reuse::Revokes);
        let mut test = Test::logging_in(&issuer).in_shell("umask 0; exec \"$@\"");
        if without.is_some() {
            test = test.without_env("TOKEN_STATE_DIR");
        }
        if without == Some("both") {
            test = test.without_env("XDG_STATE_HOME");
        }
        test.get().gives("token-1");
        assert!(test.path(place).exists(), "{place}");
        assert_eq!((mode(&test.path(place)), mode(test.path(place).parent().unwrap())), (0o600, 0o700), "{place}");
    }
}

/// The entry and the login have one file name: in one directory, one would overwrite the other.
#[test]
fn cache_and_state_in_one_directory_are_refused() {
    for (cache, state) in [("together", "together"), ("together/", "together"), ("./together", "together//")] {
        let issuer = Issuer::rotating(Reuse::Revokes);
        let test = Test::logging_in(&issuer);
        let (cache, state) = (test.path(cache), test.path(state));
        let test = test.env("TOKEN_CACHE_DIR", cache).env("TOKEN_STATE_DIR", state);
        test.get().exits(2).prints("").mentions("TOKEN_STATE_DIR").is_polite();
        assert_eq!(issuer.count(), 0);
    }
    let test = Test::bare().without_env("TOKEN_CACHE_DIR").without_env("TOKEN_STATE_DIR");
    let together = test.path("together");
    let test = test.env("XDG_CACHE_HOME", &together).env("XDG_STATE_HOME", &together);
    test.run(&["get", "--", "echo", "token-1"]).exits(2).prints("").mentions("TOKEN_STATE_DIR").is_polite();
}

/// Links may lead to one directory by two paths, as where both are on the scratch disk of a cluster.
#[test]
fn cache_and_state_that_links_bring_together_are_refused_before_anybody_is_asked() {
    let issuer = Issuer::rotating(Reuse::Revokes);
    let test = Test::logging_in(&issuer);
    fs::create_dir(test.path("scratch")).unwrap();
    for name in ["one", "other"] {
        std::os::unix::fs::symlink(test.path("scratch"), test.path(name)).unwrap();
    }
    let (cache, state) = (test.path("one/token"), test.path("other/token"));
    let test = test.env("TOKEN_CACHE_DIR", cache).env("TOKEN_STATE_DIR", &state);
    for _ in 0..2 {
        test.run(&["get", "--max-retries", "1"]).fails(6, "prod").mentions(state.to_str().unwrap()).mentions("TOKEN_STATE_DIR");
    }
    assert_eq!(issuer.count(), 0);
}

#[test]
fn an_issuer_that_does_not_rotate_is_sent_the_same_for_ever() {
    let issuer = Issuer::rotating(Reuse::IsUsual);
    let test = Test::logging_in(&issuer);
    for number in 1..=3 {
        test.run(&["get", "--renew"]).gives(&format!("token-{number}"));
        assert_eq!(test.status("prod")["login"], "present");
    }
    assert_eq!(issuer.sent(), vec![issuer.first(); 3]);
}

/// Some rotate now and then; an empty one, or null, is none.
#[test]
fn an_answer_without_a_refresh_token_keeps_the_one_at_hand() {
    let issuer = Issuer::rotating(Reuse::Revokes);
    let test = Test::logged_in(&issuer);
    let newest = issuer.newest();
    for (number, more) in ["", ",\"refresh_token\":\"\"", ",\"refresh_token\":null"].into_iter().enumerate() {
        issuer.script([Reply::json(format!("{{\"access_token\":\"token-9{number}\",\"expires_in\":60{more}}}"))]);
        test.run(&["get", "--renew"]).gives(&format!("token-9{number}"));
        assert_eq!(test.refresh_token("prod"), newest, "{more}");
    }
    test.run(&["get", "--renew"]).exits(0).is_polite();
    assert_eq!(issuer.family().reused, 0);
}

#[test]
fn a_token_that_has_expired_is_renewed_by_the_kept_one() {
    let issuer = Issuer::rotating(Reuse::Revokes);
    issuer.lasting(2);
    let test = Test::logged_in(&issuer);
    for number in 2..=3 {
        let expires_at = test.entry("prod").unwrap()["expires_at"].as_f64().unwrap();
        wait_until("the token to expire", || now() > expires_at + 0.05);
        test.get().gives(&format!("token-{number}"));
    }
    assert_eq!(issuer.sent().len(), 3);
    assert_eq!(issuer.family().reused, 0);
}

/// A warm `get` has nothing to do with logins.
#[test]
fn a_valid_token_is_served_without_a_look_at_the_login() {
    let issuer = Issuer::rotating(Reuse::Revokes);
    let test = Test::logged_in(&issuer);
    fs::write(test.login_path("prod"), "rubbish").unwrap();
    let warm = test.get();
    warm.gives("token-1");
    assert_eq!(warm.stderr, "", "{warm}");
    fs::remove_dir_all(test.state_dir()).unwrap();
    test.get().gives("token-1");
    assert_eq!(issuer.count(), 1);
}

/// Where the configured one is gone, as a file that only served to log in once, the kept one is all that is needed.
#[test]
fn the_kept_one_outlives_the_first() {
    let issuer = Issuer::rotating(Reuse::Revokes);
    let test = Test::bare();
    let seed = test.path("seed");
    private(&seed, &issuer.first());
    test.configure(&format!("{QUICK}{}", login_profile("prod", &issuer.endpoint(), "{ file = \"~/seed\" }")));
    test.get().gives("token-1");
    fs::remove_file(&seed).unwrap();
    for number in 2..=3 {
        test.run(&["get", "--renew"]).gives(&format!("token-{number}"));
    }
    // Nor does it matter what is wrong with it now.
    private(&seed, "");
    test.run(&["get", "--renew"]).gives("token-4");
    fs::set_permissions(&seed, fs::Permissions::from_mode(0o644)).unwrap();
    test.run(&["get", "--renew"]).gives("token-5");
    assert_eq!(issuer.family().reused, 0);
}

#[test]
fn the_same_for_a_variable_and_a_command() {
    for form in ["{ env = \"SEED\" }", "{ command = [\"sh\", \"-c\", \"echo $SEED; test -n $SEED\"] }"] {
        let issuer = Issuer::rotating(Reuse::Revokes);
        let test = Test::configured(&format!("{QUICK}{}", login_profile("prod", &issuer.endpoint(), form))).env("SEED", issuer.first());
        test.get().gives("token-1");
        let test = test.without_env("SEED");
        test.run(&["get", "--renew"]).gives("token-2");
        assert_eq!(issuer.family().reused, 0, "{form}");
    }
}

/// Without one that is kept, a first one that cannot be had is a matter of the configuration, and nobody is asked.
#[test]
fn a_first_one_that_is_missing_is_named() {
    let issuer = Issuer::rotating(Reuse::Revokes);
    for (form, names) in
        [("{ env = \"SEED\" }", "SEED"), ("{ file = \"~/seed\" }", "seed"), ("{ command = [\"no-such-program\"] }", "no-such-program")]
    {
        let test = Test::configured(&login_profile("prod", &issuer.endpoint(), form)).named(form);
        test.get().fails(2, "prod").mentions(names);
        assert_eq!(test.state_files(), [""; 0], "{form}");
    }
    assert_eq!(issuer.count(), 0);
}

/// R4, seen from outside: the answer has been given, the new refresh token is in its file, and only then is anything printed.
#[test]
fn the_new_one_lasts_before_the_token_is_shown() {
    if !strace_for("the order of system calls") {
        return;
    }
    let issuer = Issuer::rotating(Reuse::Revokes);
    let test = Test::logged_in(&issuer);
    for args in [&["get", "--renew"][..], &["renew", "prod"]] {
        let log = test.path("strace.log");
        let calls = "trace=write,fsync,fdatasync,rename,renameat,renameat2,recvfrom,recvmsg,read,sendto,writev";
        let traced = ["strace", "-f", "-yy", "-s", "300", "-o", log.to_str().unwrap(), "-e", calls];
        let mut command = test.command(args);
        let program = command.get_program().to_owned();
        let mut wrapped = std::process::Command::new(traced[0]);
        wrapped.args(&traced[1..]).arg(program).args(command.get_args()).env_clear();
        wrapped.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        wrapped.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
        command = wrapped;
        test.start(command, args).finish().exits(0).is_polite();
        let log = fs::read_to_string(&log).unwrap();
        order_holds(&log, test.state_dir().to_str().unwrap(), args[0] == "get");
    }
}

/// Request, answer, write, fsync, rename and fsync of the directory, and then the cache and standard output.
#[track_caller]
fn order_holds(log: &str, state: &str, is_printed: bool) {
    let lines: Vec<&str> = log.lines().collect();
    let first = |from: usize, what: &str, is: &dyn Fn(&str) -> bool| {
        from + lines[from..].iter().position(|line| is(line)).unwrap_or_else(|| panic!("no {what} after line {from}:\n{log}"))
    };
    let request = first(0, "request", &|line| line.contains("TCP:") && line.contains("grant_type"));
    // Before it, the note that it is under way has been made to last.
    let noted = lines[..request].iter().any(|line| line.contains("rename") && line.contains(state));
    assert!(noted, "the request was not noted before:\n{log}");
    let answer = first(request, "answer", &|line| line.contains("TCP:") && line.contains("HTTP/1.1 200"));
    let fsync = first(answer, "fsync of the login", &|line| line.contains("fsync(") && line.contains(&format!("{state}/")));
    let rename = first(fsync, "rename of the login", &|line| line.contains("rename") && line.contains(state));
    let directory = first(rename, "fsync of the directory", &|line| line.contains("fsync(") && line.contains(&format!("{state}>")));
    if is_printed {
        let printed = lines.iter().position(|line| line.contains("write(1<") && line.contains("token-")).expect("it was printed");
        assert!(directory < printed, "printed before it lasted:\n{log}");
    }
    let cached = first(directory, "rename of the entry", &|line| line.contains("rename") && !line.contains(state));
    assert!(cached > directory);
}

/// The same without strace: while the issuer's answer is held back, nothing is printed and the note of the request is there.
#[test]
fn a_request_under_way_is_noted() {
    let issuer = Issuer::rotating(Reuse::Revokes);
    let test = Test::logged_in(&issuer);
    assert_eq!(test.login("prod").unwrap()["in_flight"], Value::Null);
    let sent = test.refresh_token("prod");
    issuer.hold();
    let running = test.spawn(&["get", "--renew"]);
    issuer.wait_for_requests(2);
    let login = test.login("prod").unwrap();
    assert_eq!(login["refresh_token"], sent.as_str());
    assert!(login["in_flight"].is_i64(), "{}", login["in_flight"]);
    assert_eq!(test.status("prod")["login"], "present");
    issuer.release();
    running.finish().gives("token-2");
    assert_eq!(test.login("prod").unwrap()["in_flight"], Value::Null);
    assert_eq!(test.refresh_token("prod"), issuer.newest());
}

/// R11, R3: nobody else asks meanwhile, and who may wait no longer says so.
#[test]
fn who_comes_while_one_is_at_it_waits_for_its_answer() {
    let issuer = Issuer::rotating(Reuse::Revokes);
    let test = Test::logged_in(&issuer);
    issuer.hold();
    let holder = test.spawn(&["get", "--renew"]);
    issuer.wait_for_requests(2);
    test.run(&["get", "--renew", "--timeout", "300ms"]).fails(7, "prod").within(Duration::from_millis(300));
    test.get().gives("token-1");
    issuer.release();
    holder.finish().gives("token-2");
    assert_eq!(issuer.count(), 2);
}
