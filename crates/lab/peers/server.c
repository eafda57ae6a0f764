/* The stage 5 server in C, for `cargo lab bench`: one client at a time, answers every message. (cc -O2 -o server server.c) */
#define _POSIX_C_SOURCE 200809L
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char answer_start[] = "server send :";
enum { START = sizeof answer_start - 1, MESSAGE = 1024 };

static int fail(const char *what)
{
    perror(what);
    return EXIT_FAILURE;
}

/* A peer's control characters must not drive the terminal. */
static void print_message(const char *message, size_t n)
{
    fputs("recv=\"", stdout);
    for (size_t i = 0; i < n; i++) {
        unsigned char byte = (unsigned char)message[i];
        if (byte < ' ' || byte > '~')
            printf("\\x%02x", byte);
        else {
            if (byte == '"' || byte == '\\')
                putchar('\\');
            putchar(byte);
        }
    }
    puts("\"");
}

/* Serves one client until its session ends. */
static void serve(int stream, const char *peer)
{
    char buffer[START + MESSAGE]; /* The answer's start stands before the message already. */
    char *message = buffer + START;
    memcpy(buffer, answer_start, START);
    for (;;) {
        ssize_t n = recv(stream, message, MESSAGE, 0);
        if (n == 0)
            return;
        if (n < 0) {
            fprintf(stderr, "%s: failed to read: ", peer);
            perror(NULL);
            return;
        }
        print_message(message, (size_t)n);
        if (send(stream, buffer, START + (size_t)n, 0) != START + n) {
            fprintf(stderr, "%s: failed to answer: ", peer);
            perror(NULL);
            return;
        }
        if (n == 1 && message[0] == 'q') {
            puts("socket close.....");
            return;
        }
    }
}

/* Writes an address as HOST:PORT. */
static const char *show(const struct sockaddr_in *addr, char text[32])
{
    char host[INET_ADDRSTRLEN] = "";
    inet_ntop(AF_INET, &addr->sin_addr, host, sizeof host);
    snprintf(text, 32, "%s:%d", host, ntohs(addr->sin_port));
    return text;
}

int main(int argc, char **argv)
{
    static char lines[8192];
    char host[INET_ADDRSTRLEN] = "127.0.0.1", text[32];
    unsigned short port = 5001;
    struct sockaddr_in addr = {.sin_family = AF_INET};
    socklen_t length = sizeof addr;
    int yes = 1;

    if (argc > 2 || (argc == 2 && sscanf(argv[1], "%15[0-9.]:%hu", host, &port) != 2) ||
        inet_pton(AF_INET, host, &addr.sin_addr) != 1) {
        fprintf(stderr, "usage: %s [HOST:PORT]\n", argv[0]);
        return EXIT_FAILURE;
    }
    addr.sin_port = htons(port);
    /* One write(2) for each line, whatever standard output is, as Rust's println! does it. */
    setvbuf(stdout, lines, _IOLBF, sizeof lines);
    signal(SIGPIPE, SIG_IGN);

    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener < 0)
        return fail("failed to make a socket");
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(listener, (struct sockaddr *)&addr, sizeof addr) < 0 || listen(listener, 128) < 0 ||
        getsockname(listener, (struct sockaddr *)&addr, &length) < 0)
        return fail("failed to bind");
    printf("listening on %s\n", show(&addr, text));
    for (;;) {
        puts("wait client connect.........");
        length = sizeof addr;
        int stream = accept(listener, (struct sockaddr *)&addr, &length);
        if (stream < 0)
            return fail("failed to accept a client");
        puts(show(&addr, text));
        serve(stream, text);
        close(stream);
    }
}
