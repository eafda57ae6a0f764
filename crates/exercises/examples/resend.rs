//! Exercise resend: a client that trusts the network. (cargo run -p exercises --example resend)

use std::net::UdpSocket;

fn main() -> std::io::Result<()> {
    let addr = std::env::args().nth(1).unwrap_or("127.0.0.1:5001".to_owned());
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.connect(addr)?;
    let mut buffer = [0; 1024];
    for line in std::io::stdin().lines() {
        let line = line?;
        if line == "q" {
            return Ok(());
        }
        socket.send(line.as_bytes())?;
        let n = socket.recv(&mut buffer)?;
        println!("recv={:?}", String::from_utf8_lossy(&buffer[..n]));
    }
    Ok(())
}
