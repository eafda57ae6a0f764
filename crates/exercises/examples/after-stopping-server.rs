//! After stage 6, time-outs and a clean stop: sends a silent client away, and ends when you type `quit`.
//! (cargo run -p exercises --example after-stopping-server)

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// A client that sends nothing, or takes nothing, for this long is sent away. Short, to be seen.
const PATIENCE: Duration = Duration::from_secs(3);

/// Has somebody typed `quit`?
static STOPPING: AtomicBool = AtomicBool::new(false);
/// The client that is being served.
static SERVED: Mutex<Option<TcpStream>> = Mutex::new(None);

fn main() -> Result<()> {
    let addr = common::addr_from_args()?;
    let listener = TcpListener::bind(&addr).with_context(|| format!("failed to bind to {addr}"))?;
    let addr = listener.local_addr()?;
    println!("listening on {addr}");
    thread::spawn(move || stop_on_quit(addr));
    loop {
        println!("wait client connect.........");
        let (stream, peer) = listener.accept().context("failed to accept a client")?;
        *served() = Some(stream.try_clone().context("failed to clone the stream")?);
        // Asked only now: a `quit` from here on finds the client above and ends its connection.
        if STOPPING.load(Ordering::SeqCst) {
            return Ok(());
        }
        println!("{peer}");
        // One client's bad connection is no reason to stop serving the others.
        if let Err(err) = serve(stream) {
            eprintln!("{peer}: {err:#}");
        }
        // The connection stays open while a clone of its stream lives.
        *served() = None;
    }
}

/// Serves one client until its session ends.
fn serve(mut stream: TcpStream) -> Result<()> {
    stream.set_read_timeout(Some(PATIENCE)).context("failed to set a time-out")?;
    stream.set_write_timeout(Some(PATIENCE)).context("failed to set a time-out")?;
    let mut buffer = [0; 1024];
    loop {
        let n = match stream.read(&mut buffer) {
            // Unix calls a time-out WouldBlock, Windows TimedOut.
            Err(err) if matches!(err.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                bail!("nothing came for {PATIENCE:?}");
            }
            n => n.context("failed to read")?,
        };
        // Zero bytes are the end of the stream: the client has closed, or its process has died.
        if n == 0 {
            return Ok(());
        }
        let message = &buffer[..n];
        println!("recv={:?}", String::from_utf8_lossy(message));
        let answer = [b"server send :", message].concat();
        stream.write_all(&answer).context("failed to answer")?;
        if message == b"q" || message == b"Q" {
            println!("socket close.....");
            return Ok(());
        }
    }
}

/// Reads the keyboard until `quit`, and then wakes the thread that serves.
fn stop_on_quit(addr: SocketAddr) {
    if io::stdin().lines().map_while(Result::ok).any(|line| line == "quit") {
        STOPPING.store(true, Ordering::SeqCst);
        // Wakes a read: it gives 0 bytes, as at the end of the stream.
        if let Some(stream) = served().as_ref() {
            let _ = stream.shutdown(Shutdown::Read);
        }
        // Wakes an accept: nothing in std does that, but a client does.
        let _ = TcpStream::connect(addr);
    }
}

fn served() -> MutexGuard<'static, Option<TcpStream>> {
    SERVED.lock().unwrap_or_else(PoisonError::into_inner)
}
