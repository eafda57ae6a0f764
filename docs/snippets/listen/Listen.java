import java.net.InetAddress;
import java.net.ServerSocket;

class Listen {
    public static void main(String[] args) throws Exception {
        String[] told = args[0].split(":");
        InetAddress host = InetAddress.getByName(told[0]);
        ServerSocket listener = new ServerSocket(Integer.parseInt(told[1]), 50, host);
        System.out.println("listening on " + listener.getLocalSocketAddress());
    }
}
