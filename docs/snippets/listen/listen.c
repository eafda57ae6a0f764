#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

int main(int argc, char **argv) {
    char *colon = strrchr(argv[1], ':');
    *colon = 0; /* argv[1] is the host now, and the port begins behind it */
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *addr;
    if (getaddrinfo(argv[1], colon + 1, &hints, &addr) != 0) return 1;
    int listener = socket(addr->ai_family, SOCK_STREAM, 0), on = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, addr->ai_addr, addr->ai_addrlen) != 0 || listen(listener, 128) != 0) {
        perror("failed to listen");
        return 1;
    }
    printf("listening on %s:%s\n", argv[1], colon + 1);
}
