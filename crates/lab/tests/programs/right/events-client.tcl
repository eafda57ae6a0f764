# A right client of stage 6 with Tcl's event loop, for keyboard and server at once: events-client.tcl HOST:PORT
proc answered {} {
    set answer [read $::server 1024]
    if {$answer ne ""} {
        puts [regsub -all {[^ -~]} $answer ?]
    }
    if {[eof $::server]} {
        exit
    }
}

proc typed {} {
    if {[gets stdin line] < 0} {
        exit
    }
    if {$line ne "" && $line ne "o"} {
        puts -nonewline $::server [encoding convertto utf-8 $line]
    }
    if {$line eq "q"} {
        exit
    }
}

lassign [split [lindex $argv 0] :] host port
set server [socket $host $port]
fconfigure $server -translation binary -blocking 0 -buffering none
fconfigure stdin -encoding utf-8
fileevent $server readable answered
fileevent stdin readable typed
vwait forever
