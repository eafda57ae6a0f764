//! Exercise datagram: a server of datagrams. (cargo run -p exercises --example datagram)

use std::net::UdpSocket;

fn main() -> std::io::Result<()> {
    let addr = std::env::args().nth(1).unwrap_or("127.0.0.1:5001".to_owned());
    let socket = UdpSocket::bind(addr)?;
    println!("bound to {}", socket.local_addr()?);
    let mut buffer = [0; 1024];
    loop {
        let (n, peer) = socket.recv_from(&mut buffer)?;
        if n == 0 {
            return Ok(());
        }
        let message = &buffer[..n];
        println!("{peer}: recv={:?}", String::from_utf8_lossy(message));
        socket.send_to(&[b"server send :", message].concat(), peer)?;
    }
}
