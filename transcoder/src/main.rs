mod fault;
mod fmp4;
mod magic;
mod plan;
mod protocol;
mod worker;
fn main() {
    let order: protocol::Order = serde_json::from_str(&std::env::args().nth(1).unwrap()).unwrap();
    worker::work(&order);
}
