//! End to end over HTTP: the real server on a free port, the built-in wallet, titles on disk.
//! Films here are bytes that nobody decodes; real films are `tests/media` and `tests/browser`.

#![allow(clippy::expect_used, reason = "a test may stop where it stands")]
#![allow(clippy::too_many_lines, reason = "a table is as long as it is")]

mod acme;
mod api;
mod bad_input;
mod btcpay;
mod collections;
mod commands;
mod crash;
mod faults;
mod floods;
mod gate;
mod keys;
mod l402;
mod live;
mod lnd;
mod lnurl;
mod metrics;
mod power;
mod proxy;
mod restore;
mod sale;
mod service;
mod sessions;
mod site;
mod studio;
mod studio_posters;
mod studio_sales;
mod studio_titles;
mod tls;
mod uploads;
