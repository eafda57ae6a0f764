#include <arpa/inet.h>
#include <iostream>
#include <string>
#include <sys/socket.h>

int main(int argc, char **argv) {
    std::string told = argv[1];
    auto colon = told.rfind(':');
    sockaddr_in addr{};
    addr.sin_family = AF_INET;
    addr.sin_port = htons(std::stoi(told.substr(colon + 1)));
    inet_pton(AF_INET, told.substr(0, colon).c_str(), &addr.sin_addr);
    int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (sockaddr *)&addr, sizeof addr) != 0 || listen(listener, 128) != 0) {
        perror("failed to listen");
        return 1;
    }
    std::cout << "listening on " << told << std::endl;
}
