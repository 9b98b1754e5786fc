//! `token`: bearer tokens that are valid now, from a file that processes share.
pub mod bearer;
pub mod cache;
pub mod cli;
pub mod clock;
pub mod command;
pub mod error;
pub mod monitor;
pub mod name;
pub mod profile;
pub mod secret;
pub mod settings;
pub mod sink;
pub mod source;
pub mod stdout;
pub mod token;
pub mod ui;
