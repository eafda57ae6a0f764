//! The snippets of the book's pages that answer questions. Each one shows a fact and asserts it.

mod pair;

use std::io::{self, BufRead, BufReader, BufWriter, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream, ToSocketAddrs};
use std::thread;
use std::time::{Duration, Instant};

use pair::connected_pair;
use socket2::SockRef; // the options that std does not offer

const MOMENT: Duration = Duration::from_millis(100);

/// A time-out, as Unix or Windows calls it.
fn timed_out(err: &io::Error) -> bool {
    matches!(err.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

#[test]
fn capacity_is_no_room() -> io::Result<()> {
    let (mut client, mut server) = connected_pair()?;
    client.write_all(b"hello")?;
    let mut buffer = Vec::with_capacity(1024); // length 0: room for nothing
    assert_eq!(server.read(&mut buffer)?, 0);
    let mut buffer = vec![0; 1024]; // length 1024
    assert_eq!(server.read(&mut buffer)?, 5);
    Ok(())
}

#[test]
fn the_rest_of_the_buffer_is_still_zeros() -> io::Result<()> {
    let (mut client, mut server) = connected_pair()?;
    client.write_all(b"hello")?;
    let mut buffer = [0; 1024];
    let n = server.read(&mut buffer)?;
    assert_eq!(String::from_utf8_lossy(&buffer).len(), 1024); // hello and 1019 NULs
    assert_eq!(String::from_utf8_lossy(&buffer[..n]), "hello");
    Ok(())
}

#[test]
fn no_delay_does_not_keep_two_writes_apart() -> io::Result<()> {
    let (mut client, mut server) = connected_pair()?;
    client.set_nodelay(true)?; // two segments leave at once
    client.write_all(b"hello")?;
    client.write_all(b"q")?;
    let mut buffer = [0; 1024];
    while server.peek(&mut buffer)? < 6 {} // looks without taking, until both have arrived
    assert_eq!(server.read(&mut buffer)?, 6); // and one read takes both
    Ok(())
}

#[test]
fn a_line_comes_whole_however_the_reads_fall() -> io::Result<()> {
    let (mut client, server) = connected_pair()?;
    let mut reader = BufReader::new(server);
    client.write_all(b"caf\xc3")?; // the first byte of é
    assert!(str::from_utf8(reader.fill_buf()?).is_err()); // one read: not yet text
    client.write_all(b"\xa9\r\nq\r\n")?; // its second byte, and a line more
    let mut line = String::new();
    reader.read_line(&mut line)?;
    assert_eq!(line, "café\r\n");
    let mut line = String::new();
    reader.read_line(&mut line)?;
    assert_ne!(line, "q"); // telnet and nc -C end a line with two bytes
    assert_eq!(line.trim_end_matches(['\r', '\n']), "q");
    Ok(())
}

#[test]
fn a_buf_writer_keeps_bytes_until_it_is_flushed() -> io::Result<()> {
    let (client, mut server) = connected_pair()?;
    server.set_nonblocking(true)?; // an error instead of waiting
    let mut writer = BufWriter::new(client);
    writer.write_all(b"hello")?;
    let n = server.read(&mut [0; 1024]);
    assert!(n.is_err_and(|err| err.kind() == ErrorKind::WouldBlock)); // nothing has left
    writer.flush()?;
    server.set_nonblocking(false)?;
    assert_eq!(server.read(&mut [0; 1024])?, 5);
    Ok(())
}

#[test]
fn read_to_string_waits_for_the_end() -> io::Result<()> {
    let (mut client, mut server) = connected_pair()?;
    client.write_all(b"hello")?;
    server.set_read_timeout(Some(MOMENT))?;
    let read = server.read_to_string(&mut String::new());
    assert!(read.is_err_and(|err| timed_out(&err))); // all bytes are there, but no end
    client.write_all(b"again")?;
    client.shutdown(Shutdown::Write)?; // now there is one
    let mut text = String::new();
    server.read_to_string(&mut text)?;
    assert_eq!(text, "again");
    Ok(())
}

#[test]
fn a_time_out_is_an_error_and_the_connection_goes_on() -> io::Result<()> {
    let (mut client, mut server) = connected_pair()?;
    server.set_read_timeout(Some(MOMENT))?;
    let err = server.read(&mut [0; 1024]).unwrap_err();
    assert!(timed_out(&err)); // WouldBlock on Unix, TimedOut on Windows
    client.write_all(b"hello")?;
    assert_eq!(server.read(&mut [0; 1024])?, 5); // nothing is lost
    Ok(())
}

#[test]
fn a_write_can_time_out_too() -> io::Result<()> {
    let (mut client, _server) = connected_pair()?; // the server never reads
    client.set_write_timeout(Some(MOMENT))?;
    let written = client.write_all(&vec![b'x'; 64 * 1024 * 1024]);
    assert!(written.is_err_and(|err| timed_out(&err)));
    Ok(())
}

#[test]
fn when_both_read_both_wait() -> io::Result<()> {
    let (mut client, mut server) = connected_pair()?;
    let server = thread::spawn(move || server.read(&mut [0; 1024])); // for a message
    client.set_read_timeout(Some(MOMENT))?; // or this test would never end
    let answer = client.read(&mut [0; 1024]); // for an answer
    assert!(answer.is_err_and(|err| timed_out(&err)));
    assert!(!server.is_finished()); // it has no time-out, and still waits
    drop(client);
    assert!(server.join().is_ok_and(|n| n.is_ok_and(|n| n == 0)));
    Ok(())
}

#[test]
fn reading_to_the_end_before_closing_avoids_the_reset() -> io::Result<()> {
    let (mut client, mut server) = connected_pair()?;
    client.write_all(b"hello, and more than anybody reads")?;
    server.write_all(b"goodbye")?;
    server.shutdown(Shutdown::Write)?; // "I send no more", and not yet a close
    let mut text = String::new();
    client.read_to_string(&mut text)?; // an end, no reset
    assert_eq!(text, "goodbye");
    drop(client);
    io::copy(&mut server, &mut io::sink())?; // to the end, whatever it is
    Ok(()) // the server's close leaves nothing unread
}

#[test]
fn an_error_comes_once_and_then_the_end() -> io::Result<()> {
    let (mut client, server) = connected_pair()?;
    SockRef::from(&server).set_linger(Some(Duration::ZERO))?; // makes the close a reset
    drop(server);
    let err = client.read(&mut [0; 1024]).unwrap_err();
    assert_eq!(err.kind(), ErrorKind::ConnectionReset); // WinError 10054
    assert_eq!(client.read(&mut [0; 1024])?, 0);
    Ok(())
}

#[test]
fn keepalive_is_off_until_you_ask() -> io::Result<()> {
    let (client, _server) = connected_pair()?;
    let socket = SockRef::from(&client);
    assert!(!socket.keepalive()?);
    socket.set_keepalive(true)?;
    assert!(socket.keepalive()?);
    Ok(())
}

#[cfg(target_os = "linux")] // the whole of 127.0.0.0/8 is this machine there
#[test]
fn a_server_is_found_at_its_own_address_only() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    TcpStream::connect(("127.0.0.1", port))?;
    let elsewhere = TcpStream::connect(("127.0.0.2", port)); // this machine too
    assert!(elsewhere.is_err_and(|err| err.kind() == ErrorKind::ConnectionRefused));
    Ok(())
}

#[test]
fn localhost_is_a_name_of_one_or_two_addresses() -> io::Result<()> {
    let addrs: Vec<_> = ("localhost", 5001).to_socket_addrs()?.collect();
    assert!(!addrs.is_empty());
    for addr in addrs {
        // 127.0.0.1, or ::1, or both: bind takes the first that it can have, connect tries all.
        assert!(addr.ip().is_loopback());
    }
    Ok(())
}

#[test]
fn who_waits_in_the_queue_of_a_server_that_ends_is_reset() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut client = TcpStream::connect(listener.local_addr()?)?;
    drop(listener); // nobody has called accept
    let n = client.read(&mut [0; 1024]);
    assert!(n.is_err_and(|err| err.kind() == ErrorKind::ConnectionReset));
    Ok(())
}

#[test]
fn shutdown_wakes_a_thread_that_waits_in_read() -> io::Result<()> {
    let (_client, mut server) = connected_pair()?;
    let handle = server.try_clone()?;
    let reader = thread::spawn(move || server.read(&mut [0; 1024]));
    handle.shutdown(Shutdown::Read)?;
    assert!(reader.join().is_ok_and(|n| n.is_ok_and(|n| n == 0))); // as at the end
    Ok(())
}

#[test]
fn a_client_wakes_a_thread_that_waits_in_accept() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let addr = listener.local_addr()?;
    let server = thread::spawn(move || listener.accept().map(|_| ()));
    TcpStream::connect(addr)?; // the server's own program may be the client
    assert!(server.join().is_ok_and(|accepted| accepted.is_ok()));
    Ok(())
}

#[cfg(target_os = "linux")] // other systems wait for other times
#[test]
fn two_small_writes_before_a_read_cost_a_delayed_ack() -> io::Result<()> {
    let rounds = |no_delay| -> io::Result<Vec<Duration>> {
        let (mut client, mut server) = connected_pair()?;
        client.set_nodelay(no_delay)?;
        thread::spawn(move || {
            while server.read_exact(&mut [0; 6]).is_ok() && server.write_all(b"ok").is_ok() {}
        });
        let mut times = Vec::new();
        for _ in 0..20 {
            let start = Instant::now();
            client.write_all(b"hello")?;
            client.write_all(b"\n")?; // Nagle: waits for the ACK of hello
            client.read_exact(&mut [0; 2])?;
            times.push(start.elapsed());
        }
        times.sort();
        Ok(times)
    };
    assert!(rounds(false)?[10] > Duration::from_millis(30)); // the ACK comes after 40 ms
    assert!(rounds(true)?[10] < Duration::from_millis(30));
    Ok(())
}

#[test]
fn writing_to_a_closed_pipe_is_an_error_and_no_panic() -> io::Result<()> {
    let (reader, mut writer) = io::pipe()?;
    drop(reader); // as head does after its lines
    let written = writeln!(writer, "hello"); // println! would panic here
    assert!(written.is_err_and(|err| err.kind() == ErrorKind::BrokenPipe));
    Ok(())
}

#[test]
fn a_number_is_bytes_in_an_order_that_both_sides_know() -> io::Result<()> {
    let (mut client, mut server) = connected_pair()?;
    client.write_all(&1000_u16.to_be_bytes())?; // the bytes 3 and 232: the high one first
    let mut bytes = [0; 2];
    server.read_exact(&mut bytes)?;
    assert_eq!(u16::from_be_bytes(bytes), 1000);
    assert_eq!(u16::from_le_bytes(bytes), 59_395); // read in the other order
    Ok(())
}

#[test]
fn a_file_is_copied_piece_by_piece_up_to_its_end() -> io::Result<()> {
    let (mut client, mut server) = connected_pair()?;
    let mut file = &b"what a File would give"[..]; // anything that can be read
    let length = io::copy(&mut file, &mut client)?; // reads a piece, writes it, and again
    client.shutdown(Shutdown::Write)?; // "that was all of it"
    let mut received = Vec::new();
    assert_eq!(io::copy(&mut server, &mut received)?, length);
    assert_eq!(received, b"what a File would give");
    Ok(())
}

#[test]
fn one_thread_reads_while_another_writes() -> io::Result<()> {
    let (client, mut server) = connected_pair()?;
    let mut reading = client.try_clone()?; // a second handle to the same socket
    let reader = thread::spawn(move || reading.read(&mut [0; 1024]));
    let mut writing = &client; // `&TcpStream` can be read and written as well
    writing.write_all(b"hello")?;
    assert_eq!(server.read(&mut [0; 1024])?, 5); // nobody waited for the other thread
    server.write_all(b"ok")?;
    assert!(reader.join().is_ok_and(|n| n.is_ok_and(|n| n == 2)));
    Ok(())
}

#[test]
fn only_a_read_says_that_the_peer_has_gone() -> io::Result<()> {
    let (client, server) = connected_pair()?;
    drop(server);
    assert_eq!(client.peek(&mut [0; 1])?, 0); // a look at what would be read: the end
    assert!(client.peer_addr().is_ok()); // it names a peer that has gone
    assert!(client.take_error()?.is_none()); // and there has been no error
    Ok(())
}

#[test]
fn a_program_that_closes_at_once_has_sent_everything() -> io::Result<()> {
    let (mut client, mut server) = connected_pair()?;
    client.write_all(&[b'x'; 30_000])?;
    drop(client); // without a pause, and before anybody reads
    assert_eq!(io::copy(&mut server, &mut io::sink())?, 30_000);
    Ok(())
}

#[test]
fn an_end_in_the_middle_is_an_error_of_read_exact() -> io::Result<()> {
    let (mut client, mut server) = connected_pair()?;
    client.write_all(b"hel")?; // three bytes of five
    drop(client);
    let err = server.read_exact(&mut [0; 5]).unwrap_err();
    assert_eq!(err.kind(), ErrorKind::UnexpectedEof);
    assert_eq!(err.to_string(), "failed to fill whole buffer");
    Ok(())
}
