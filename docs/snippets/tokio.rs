//! The snippets of the page "Where next": the four pages after stage 6 once more, on tokio.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(4);

/// Serves one client, until its end, too long a silence or the word to stop.
async fn serve(stream: TcpStream, mut stop: watch::Receiver<bool>) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let mut line = Vec::new();
        let n = tokio::select! {
            n = timeout(PATIENCE, stream.read_until(b'\n', &mut line)) => n??,
            _ = stop.changed() => return Ok(()),
        };
        // Zero bytes are the end here too.
        if n == 0 {
            return Ok(());
        }
        stream.write_all(&[b"server send :", &line[..]].concat()).await?;
    }
}

/// Takes clients, each with a task of its own, until the word to stop.
async fn listen(listener: TcpListener, mut stop: watch::Receiver<bool>) -> io::Result<()> {
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (stream, _peer) = accepted?;
                tokio::spawn(serve(stream, stop.clone()));
            }
            _ = stop.changed() => return Ok(()),
        }
    }
}

#[tokio::test]
async fn one_thread_serves_two_clients_and_stops_at_a_word() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let addr = listener.local_addr()?;
    let (stop, stopped) = watch::channel(false);
    let server = tokio::spawn(listen(listener, stopped));

    let mut silent = TcpStream::connect(addr).await?;
    let mut client = TcpStream::connect(addr).await?;
    client.write_all(b"one\ntwo\n").await?; // two messages at once
    let mut answers = [0; 34];
    client.read_exact(&mut answers).await?;
    assert_eq!(&answers, b"server send :one\nserver send :two\n");

    assert!(stop.send(true).is_ok());
    assert!(server.await.is_ok_and(|served| served.is_ok())); // it was in accept
    assert_eq!(silent.read(&mut [0; 1]).await?, 0); // this one's task was in read
    Ok(())
}
