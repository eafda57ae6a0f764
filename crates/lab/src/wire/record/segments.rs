//! What goes over the wire: a packet socket on `lo`, and the headers of IPv4 and TCP.

use std::collections::BTreeMap;
use std::os::fd::{AsRawFd, OwnedFd};

use anyhow::{Context, Result};
use nix::sys::socket::{
    AddressFamily, LinkAddr, SockFlag, SockProtocol, SockType, recvfrom, setsockopt, socket,
    sockopt::RcvBuf,
};

use super::text;
use crate::rig::ports::Ports;

/// `sll_pkttype` of packet(7).
const PACKET_OUTGOING: u8 = 4;
/// What goes over the wire between two looks waits here; the system gives as much of it as it allows.
const QUEUE: usize = 1024 * 1024;
const ETHERNET: usize = 14;
const FIN: u8 = 1;
const SYN: u8 = 2;
const RST: u8 = 4;
const PSH: u8 = 8;
const ACK: u8 = 16;

pub(super) struct Tap {
    socket: OwnedFd,
    frame: Vec<u8>,
    /// Packets that have left and not yet arrived.
    under_way: i64,
    /// The shown port of a client whose SYN has been seen, until somebody asks.
    pub opened: Option<u16>,
    /// The sequence number of the last SYN from a port to a port.
    initial: BTreeMap<(u16, u16), u32>,
}

/// One segment, as its header has it.
struct Segment<'a> {
    from: u16,
    to: u16,
    seq: u32,
    ack: u32,
    flags: u8,
    data: &'a [u8],
}

impl Tap {
    /// # Errors
    ///
    /// This thread has no network of its own.
    pub(super) fn open() -> Result<Tap> {
        let socket = socket(
            AddressFamily::Packet,
            SockType::Raw,
            SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK,
            SockProtocol::EthAll,
        )
        .context("failed to make a packet socket")?;
        setsockopt(&socket, RcvBuf, &QUEUE).context("failed to enlarge a queue")?;
        Ok(Tap {
            socket,
            frame: vec![0; 128 * 1024],
            under_way: 0,
            opened: None,
            initial: BTreeMap::new(),
        })
    }

    /// What has been sent since the last look, and whether all of it has arrived.
    pub(super) fn look(&mut self, ports: &mut Ports, lines: &mut Vec<String>) -> bool {
        let mut frame = std::mem::take(&mut self.frame);
        while let Ok((n, Some(from))) = recvfrom::<LinkAddr>(self.socket.as_raw_fd(), &mut frame) {
            // On loopback each packet is seen twice: as it leaves, and as it arrives.
            if from.pkttype() != PACKET_OUTGOING {
                self.under_way -= 1;
                continue;
            }
            self.under_way += 1;
            // How often a SYN that nobody answers is sent again is a matter of time.
            if let Some(segment) = Segment::read(&frame[..n]).filter(|segment| self.is_new(segment))
            {
                lines.push(self.line(&segment, ports));
            }
        }
        self.frame = frame;
        self.under_way == 0
    }

    fn is_new(&self, segment: &Segment) -> bool {
        let way = (segment.from, segment.to);
        segment.flags != SYN || self.initial.get(&way) != Some(&segment.seq)
    }

    /// Ports as sessions show them, sequence numbers counted from the SYN.
    fn line(&mut self, segment: &Segment, ports: &mut Ports) -> String {
        let Segment { from, to, seq, ack, flags, data } = *segment;
        if flags & SYN != 0 {
            if flags & ACK == 0 {
                ports.learn_client(from);
                self.opened = ports.shown(from);
            }
            self.initial.insert((from, to), seq);
        }
        let count = |number: u32, way| {
            number.wrapping_sub(self.initial.get(&way).copied().unwrap_or_default())
        };
        let names = [(SYN, "SYN"), (ACK, "ACK"), (PSH, "PSH"), (FIN, "FIN"), (RST, "RST")];
        let names = names.iter().filter(|(bit, _)| flags & bit != 0).map(|(_, name)| *name);
        let names: Vec<&str> = names.collect();
        let shown = ports.show(&format!("{from} > {to}"));
        let mut line = format!("  {shown} {} seq {}", names.join("+"), count(seq, (from, to)));
        if flags & ACK != 0 {
            line += &format!(" ack {}", count(ack, (to, from)));
        }
        if !data.is_empty() {
            line += &format!(" {} {}", data.len(), text::bytes(data, data.len()));
        }
        line
    }
}

impl Segment<'_> {
    /// RFC 791, section 3.1, and RFC 9293, section 3.1.
    fn read(frame: &[u8]) -> Option<Segment<'_>> {
        const IPV4: [u8; 2] = [8, 0];
        const TCP: u8 = 6;
        let packet = frame.get(ETHERNET..)?;
        if frame.get(ETHERNET - 2..ETHERNET)? != IPV4 || *packet.get(9)? != TCP {
            return None;
        }
        let length = u16::from_be_bytes([*packet.get(2)?, *packet.get(3)?]);
        let segment = packet.get(usize::from(packet[0] & 15) * 4..usize::from(length))?;
        let half = |at: usize| Some(u16::from_be_bytes(segment.get(at..at + 2)?.try_into().ok()?));
        let word = |at: usize| Some(u32::from_be_bytes(segment.get(at..at + 4)?.try_into().ok()?));
        Some(Segment {
            from: half(0)?,
            to: half(2)?,
            seq: word(4)?,
            ack: word(8)?,
            flags: *segment.get(13)?,
            data: segment.get(usize::from(segment[12] >> 4) * 4..)?,
        })
    }
}
