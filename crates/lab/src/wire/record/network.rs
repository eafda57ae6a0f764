//! A network of its own for each recording: one interface, `lo`, and nobody else on it.

use std::fs;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use anyhow::{Context, Result, anyhow, ensure};
use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, socket,
};
use nix::unistd::{getgid, getuid};

/// The user of this process may make networks from now on.
///
/// # Errors
///
/// As [`super::enter`].
pub(super) fn enter() -> Result<()> {
    // Root needs no more. In a user namespace it could not write the files of other users.
    if unshare(CloneFlags::CLONE_NEWNET).is_ok() {
        return Ok(());
    }
    let (user, group) = (getuid(), getgid());
    unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNET).map_err(refused)?;
    for (file, text) in [
        ("setgroups", "deny".to_owned()),
        ("uid_map", format!("{user} {user} 1")),
        ("gid_map", format!("{group} {group} 1")),
    ] {
        fs::write(format!("/proc/self/{file}"), text)
            .with_context(|| format!("failed to write /proc/self/{file}"))?;
    }
    Ok(())
}

fn refused(err: Errno) -> anyhow::Error {
    anyhow!(
        "this system refuses a network of its own ({err}): be root, or allow user namespaces \
         (sysctl user.max_user_namespaces, on Ubuntu kernel.apparmor_restrict_unprivileged_userns)"
    )
}

/// Puts this thread, and what it starts, in a new network where 127.0.0.1 can be reached.
///
/// # Errors
///
/// As [`enter`], which must have been called before.
pub(super) fn isolate() -> Result<()> {
    unshare(CloneFlags::CLONE_NEWNET).map_err(refused)?;
    let netlink = socket(
        AddressFamily::Netlink,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC,
        SockProtocol::NetlinkRoute,
    )
    .context("failed to make a netlink socket")?;
    // RTM_NEWLINK (rtnetlink(7)), an ifinfomsg: interface 1, which is lo, is up.
    let words = [0, 1, 1, 1].map(u32::to_ne_bytes);
    ask(&netlink, 16, 0, words.as_flattened()).context("failed to set lo up")?;
    // RTM_NEWROUTE, an rtmsg: to 127.0.0.1/32, in the local table, from the kernel, on this host.
    // An acknowledgement that is delayed can come after the timer that sends a FIN again.
    let mut route = vec![2, 32, 0, 0, 255, 2, 254, 2, 0, 0, 0, 0];
    attribute(&mut route, 1, &[127, 0, 0, 1]); // RTA_DST
    attribute(&mut route, 4, &1_u32.to_ne_bytes()); // RTA_OIF
    attribute(&mut route, 7, &[127, 0, 0, 1]); // RTA_PREFSRC
    let mut metrics = Vec::new();
    attribute(&mut metrics, 15, &1_u32.to_ne_bytes()); // RTAX_QUICKACK
    attribute(&mut route, 8, &metrics); // RTA_METRICS
    const NLM_F_REPLACE: u16 = 0x100;
    ask(&netlink, 24, NLM_F_REPLACE, &route).context("failed to have every segment acknowledged")
}

fn attribute(message: &mut Vec<u8>, kind: u16, value: &[u8]) {
    // Every value here is 4 bytes long, or a sum of such attributes: no padding.
    message.extend((4 + value.len() as u16).to_ne_bytes());
    message.extend(kind.to_ne_bytes());
    message.extend(value);
}

/// One request of netlink(7), and its acknowledgement.
fn ask(netlink: &OwnedFd, kind: u16, flags: u16, body: &[u8]) -> Result<()> {
    const REQUEST_AND_ACK: u16 = 1 | 4;
    let mut message = Vec::new();
    message.extend((16 + body.len() as u32).to_ne_bytes());
    message.extend(kind.to_ne_bytes());
    message.extend((flags | REQUEST_AND_ACK).to_ne_bytes());
    message.extend([0; 8]);
    message.extend(body);
    send(netlink.as_raw_fd(), &message, MsgFlags::empty())?;
    let mut answer = [0; 4096];
    let n = recv(netlink.as_raw_fd(), &mut answer, MsgFlags::empty())?;
    ensure!(n >= 20, "an answer of {n} bytes");
    let error = i32::from_ne_bytes([answer[16], answer[17], answer[18], answer[19]]);
    ensure!(error == 0, "{}", io::Error::from_raw_os_error(-error));
    Ok(())
}
