# A right server of stage 6 with Tcl's event loop: events-server.tcl HOST:PORT
proc come {client host port} {
    fconfigure $client -translation binary -blocking 0 -buffering none
    fileevent $client readable [list serve $client]
}

proc serve {client} {
    # An error of read or puts is the end of this client only.
    if {[catch {
        set message [read $client 1024]
        if {$message ne ""} {
            puts "got [regsub -all {[^ -~]} $message ?]"
            puts -nonewline $client "server send :$message"
        }
        set over [expr {[eof $client] || $message eq "q" || $message eq "Q"}]
    } reason]} {
        puts $reason
        set over 1
    }
    if {$over} {
        catch {close $client}
    }
}

lassign [split [lindex $argv 0] :] host port
socket -server come -myaddr $host $port
vwait forever
