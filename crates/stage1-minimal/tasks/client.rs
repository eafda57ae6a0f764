//! Stage 1 client: sends `hello chenyansong`, and ends. (cargo run --bin stage1-client)

// std is enough. The crates of the course's own programs are here as well: anyhow, common, rustyline.
fn main() -> std::io::Result<()> {
    let addr = std::env::args().nth(1).unwrap_or("127.0.0.1:5001".to_owned());
    println!("I know my address, {addr}, and do nothing yet.");
    Ok(())
}
