# A right client of stage 6: lines-client.pl HOST:PORT
use strict;
use warnings;
use IO::Socket::INET;

$| = 1;
my $server = IO::Socket::INET->new(PeerAddr => $ARGV[0]) or die "failed to connect: $!\n";
while (print('> '), defined(my $line = <STDIN>)) {
    chomp $line;
    next if $line eq '' or $line eq 'o';
    syswrite($server, $line);
    last if $line eq 'q';
    sysread($server, my $answer, 1024) or last;
    $answer =~ s/([^ -~])/sprintf '\x%02x', ord $1/ge;
    print "$answer\n";
}
