//! The snippets of the book's pages `calls.md` and `sockets.md`. Each one shows a fact and asserts it.
//!
//! `cargo lab docs` copies the functions into the pages, so what you read there was run.

mod pair;

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::time::Duration;

use pair::connected_pair;
use socket2::SockRef; // the options that std does not offer

#[test]
fn one_call_makes_a_socket_binds_it_and_listens() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?; // socket, bind and listen
    let addr = listener.local_addr()?;
    assert!(addr.is_ipv4()); // the address decides the family: AF_INET here
    TcpStream::connect(addr)?; // socket and connect
    Ok(())
}

#[test]
fn a_port_has_one_listener_at_a_time() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?; // port 0: any free port
    let addr = listener.local_addr()?;
    assert_ne!(addr.port(), 0); // the system has chosen one
    let second = TcpListener::bind(addr);
    assert!(second.is_err_and(|err| err.kind() == ErrorKind::AddrInUse));
    Ok(())
}

#[test]
fn a_server_can_have_its_port_back_at_once() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let addr = listener.local_addr()?;
    let mut client = TcpStream::connect(addr)?;
    let (server, _peer) = listener.accept()?;
    drop(server); // the server closes first, so its end stays in TIME-WAIT
    assert_eq!(client.read(&mut [0; 1])?, 0);
    drop(client);
    drop(listener);
    TcpListener::bind(addr)?; // without SO_REUSEADDR: Address already in use
    Ok(())
}

#[cfg(target_os = "linux")] // other systems have other rules
#[test]
fn the_server_before_needs_the_option_too() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    SockRef::from(&listener).set_reuse_address(false)?; // as in a program that never set it
    let addr = listener.local_addr()?;
    let mut client = TcpStream::connect(addr)?;
    let (server, _peer) = listener.accept()?;
    drop(server); // closes first, as above
    assert_eq!(client.read(&mut [0; 1])?, 0);
    drop(client);
    drop(listener);
    let next = TcpListener::bind(addr); // sets the option, and it does not help
    assert!(next.is_err_and(|err| err.kind() == ErrorKind::AddrInUse));
    Ok(())
}

#[test]
fn connect_succeeds_before_accept() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut client = TcpStream::connect(listener.local_addr()?)?; // before any accept
    client.write_all(b"hello")?; // the bytes wait in the kernel
    drop(client);
    let (mut stream, _peer) = listener.accept()?; // the client has even gone by now
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    assert_eq!(text, "hello");
    Ok(())
}

#[cfg(target_os = "linux")] // other systems have other rules
#[test]
fn a_full_queue_ignores_the_next_client() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?; // with a backlog of 128
    let addr = listener.local_addr()?;
    let mut queued = Vec::new();
    let err = loop {
        match TcpStream::connect_timeout(&addr, Duration::from_secs(1)) {
            Ok(client) => queued.push(client), // nobody calls accept
            Err(err) => break err,
        }
    };
    assert_eq!(queued.len(), 129); // Linux takes one more than the backlog
    assert_eq!(err.kind(), ErrorKind::TimedOut); // no answer at all: not ConnectionRefused
    Ok(())
}

#[test]
fn accept_gives_a_second_socket_and_the_address_of_the_client() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let client = TcpStream::connect(listener.local_addr()?)?;
    let (stream, peer) = listener.accept()?;
    assert_eq!(peer, client.local_addr()?);
    assert_eq!(stream.local_addr()?, listener.local_addr()?); // two sockets, one port
    Ok(())
}

#[test]
fn connect_is_refused_where_nobody_listens() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let addr = listener.local_addr()?;
    drop(listener);
    let client = TcpStream::connect(addr);
    assert!(client.is_err_and(|err| err.kind() == ErrorKind::ConnectionRefused));
    Ok(())
}

#[test]
fn one_write_may_take_only_a_part() -> io::Result<()> {
    let (mut client, _server) = connected_pair()?; // the server never reads
    client.set_nonblocking(true)?; // an error instead of waiting
    let big = vec![b'x'; 64 * 1024 * 1024];
    let n = client.write(&big)?; // Ok: the kernel has taken n bytes, nobody has read one
    assert!(0 < n && n < big.len());
    let rest = client.write_all(&big[n..]);
    assert!(rest.is_err_and(|err| err.kind() == ErrorKind::WouldBlock));
    Ok(())
}

#[test]
fn two_writes_can_be_one_read() -> io::Result<()> {
    let (mut client, mut server) = connected_pair()?;
    client.write_all(b"hello")?;
    client.write_all(b"q")?;
    let mut buffer = [0; 1024];
    while server.peek(&mut buffer)? < 6 {} // looks without taking, until both have arrived
    let n = server.read(&mut buffer)?;
    assert_eq!(&buffer[..n], b"helloq"); // nothing between them
    Ok(())
}

#[test]
fn a_small_buffer_leaves_the_rest_for_the_next_read() -> io::Result<()> {
    let (mut client, mut server) = connected_pair()?;
    client.write_all("né".as_bytes())?; // é is two bytes, c3 and a9
    let mut buffer = [0; 2];
    let n = server.read(&mut buffer)?;
    assert_eq!(&buffer[..n], b"n\xc3"); // the read ends inside the é
    let n = server.read(&mut buffer)?;
    assert_eq!(&buffer[..n], b"\xa9");
    Ok(())
}

#[test]
fn zero_bytes_are_the_end_of_the_stream_and_come_for_ever() -> io::Result<()> {
    let (mut client, mut server) = connected_pair()?;
    client.write_all(b"")?; // sends nothing
    client.write_all(b"bye")?;
    drop(client);
    let mut buffer = [0; 1024];
    assert_eq!(server.read(&mut buffer)?, 3); // first all the data
    assert_eq!(server.read(&mut buffer)?, 0); // then the end
    assert_eq!(server.read(&mut buffer)?, 0); // and again, without waiting
    Ok(())
}

#[test]
fn a_read_without_room_gives_zero_too() -> io::Result<()> {
    let (mut client, mut server) = connected_pair()?;
    client.write_all(b"hello")?;
    server.peek(&mut [0; 1])?; // the bytes have arrived
    assert_eq!(server.read(&mut [])?, 0); // not the end: the buffer is empty
    assert_eq!(server.read(&mut [0; 1024])?, 5);
    Ok(())
}

#[test]
fn datagrams_keep_their_boundaries() -> io::Result<()> {
    let alice = UdpSocket::bind("127.0.0.1:0")?;
    let bob = UdpSocket::bind("127.0.0.1:0")?;
    for message in ["hello", "", "q"] {
        alice.send_to(message.as_bytes(), bob.local_addr()?)?; // no connect before it
    }
    let mut buffer = [0; 1024];
    for message in ["hello", "", "q"] {
        let (n, from) = bob.recv_from(&mut buffer)?;
        assert_eq!(&buffer[..n], message.as_bytes()); // even the empty one arrives
        assert_eq!(from, alice.local_addr()?);
    }
    Ok(())
}

#[test]
fn the_other_direction_stays_open_after_a_half_close() -> io::Result<()> {
    let (mut client, mut server) = connected_pair()?;
    client.shutdown(Shutdown::Write)?; // "I have sent everything"
    assert_eq!(server.read(&mut [0; 1024])?, 0);
    server.write_all(b"bye")?; // the client still listens
    drop(server); // close
    let mut text = String::new();
    client.read_to_string(&mut text)?;
    assert_eq!(text, "bye");
    Ok(())
}

#[test]
fn a_socket_stays_open_while_a_clone_of_its_stream_lives() -> io::Result<()> {
    let (mut client, server) = connected_pair()?;
    let mut clone = server.try_clone()?; // a second handle to the same socket
    drop(server); // nothing is sent
    clone.write_all(b"still here")?;
    drop(clone); // the last one: now the FIN
    let mut text = String::new();
    client.read_to_string(&mut text)?;
    assert_eq!(text, "still here");
    Ok(())
}

#[test]
fn a_close_with_unread_data_is_a_reset() -> io::Result<()> {
    let (mut client, server) = connected_pair()?;
    client.write_all(b"hello")?;
    server.peek(&mut [0; 1])?; // the bytes have arrived, and stay unread
    drop(server);
    let n = client.read(&mut [0; 1024]);
    assert!(n.is_err_and(|err| err.kind() == ErrorKind::ConnectionReset));
    Ok(())
}

#[test]
fn a_close_that_does_not_linger_is_a_reset() -> io::Result<()> {
    let (mut client, server) = connected_pair()?;
    SockRef::from(&server).set_linger(Some(Duration::ZERO))?; // SO_LINGER
    drop(server); // nothing is unread
    let n = client.read(&mut [0; 1024]);
    assert!(n.is_err_and(|err| err.kind() == ErrorKind::ConnectionReset));
    Ok(())
}

#[test]
fn the_first_write_after_the_peer_has_closed_succeeds() -> io::Result<()> {
    let (mut client, server) = connected_pair()?;
    drop(server);
    assert_eq!(client.read(&mut [0; 1])?, 0); // the end has arrived
    client.write_all(b"lost")?; // Ok: it has left. It will be answered by a reset.
    let err = loop {
        if let Err(err) = client.write_all(b"x") {
            break err; // the reset has come back
        }
    };
    assert_eq!(err.kind(), ErrorKind::BrokenPipe);
    Ok(())
}

#[test]
fn unix_sockets_have_streams_and_datagrams_too() -> io::Result<()> {
    let mut buffer = [0; 6];

    let (mut alice, mut bob) = UnixStream::pair()?;
    alice.write_all(b"hello")?;
    alice.write_all(b"q")?;
    assert_eq!(bob.read(&mut buffer)?, 6); // a stream, as TCP is: one read
    assert_eq!(&buffer, b"helloq");

    let (alice, bob) = UnixDatagram::pair()?;
    alice.send(b"hello")?;
    alice.send(b"q")?;
    assert_eq!(bob.recv(&mut buffer)?, 5); // datagrams, as with UDP
    assert_eq!(bob.recv(&mut buffer)?, 1);
    Ok(())
}
