//! Pages and API.

pub mod assets;
pub mod extract;
pub mod pages;
pub mod problem;
