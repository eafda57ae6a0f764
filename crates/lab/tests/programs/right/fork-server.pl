# A right server of stage 6 with one process for each client: fork-server.pl HOST:PORT
use strict;
use warnings;
use IO::Socket::INET;

$| = 1;
$SIG{CHLD} = $SIG{PIPE} = 'IGNORE';
my $listener = IO::Socket::INET->new(LocalAddr => $ARGV[0], Listen => 128, ReuseAddr => 1)
    or die "failed to listen: $!\n";
while (1) {
    my $client = $listener->accept or next;
    if (fork == 0) {
        close $listener;
        while (sysread($client, my $message, 1024)) {
            (my $shown = $message) =~ s/([^ -~])/sprintf '\x%02x', ord $1/ge;
            print "got $shown\n";
            syswrite($client, "server send :$message") or last;
            last if $message eq 'q' or $message eq 'Q';
        }
        exit;
    }
    close $client;
}
