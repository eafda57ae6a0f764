use IO::Socket::INET;
my $listener = IO::Socket::INET->new(LocalAddr => $ARGV[0], Listen => 128, ReuseAddr => 1)
    or die "failed to listen: $!\n";
print "listening on ", $listener->sockhost, ":", $listener->sockport, "\n";
