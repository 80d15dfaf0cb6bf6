//! Pages and API.

pub mod pages;
