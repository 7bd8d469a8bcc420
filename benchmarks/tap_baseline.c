/*
 * The yardstick for tap_latency.py: wait, connect, GET DATA, print the UID. Nothing else, and nothing cleverer.
 *
 *     gcc -O2 -o tap_baseline tap_baseline.c -I/usr/include/PCSC -lpcsclite
 *     ./tap_baseline PART_OF_READER_NAME
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <winscard.h>

static void check(LONG code, const char *call)
{
    if (code != SCARD_S_SUCCESS) {
        fprintf(stderr, "%s: %s\n", call, pcsc_stringify_error(code));
        exit(1);
    }
}

int main(int argc, char **argv)
{
    static const BYTE get_uid[] = {0xFF, 0xCA, 0x00, 0x00, 0x00};
    SCARDCONTEXT context;
    char names[2048];
    DWORD size = sizeof names;
    const char *name = NULL;

    check(SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &context), "SCardEstablishContext");
    check(SCardListReaders(context, NULL, names, &size), "SCardListReaders");
    for (const char *each = names; *each && !name; each += strlen(each) + 1)
        if (argc < 2 || strstr(each, argv[1]))
            name = each;
    if (!name) {
        fprintf(stderr, "no such reader\n");
        return 1;
    }

    SCARD_READERSTATE state = {.szReader = name, .dwCurrentState = SCARD_STATE_UNAWARE};
    check(SCardGetStatusChange(context, INFINITE, &state, 1), "SCardGetStatusChange");
    fprintf(stderr, "%s: ready\n", name);
    for (;;) {
        state.dwCurrentState = state.dwEventState & ~SCARD_STATE_CHANGED;
        check(SCardGetStatusChange(context, INFINITE, &state, 1), "SCardGetStatusChange");
        if (!(state.dwEventState & SCARD_STATE_PRESENT) || state.dwEventState >> 16 == state.dwCurrentState >> 16)
            continue;
        SCARDHANDLE card;
        DWORD protocol, length;
        BYTE answer[258];
        if (SCardConnect(context, name, SCARD_SHARE_SHARED, SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1, &card, &protocol))
            continue;
        length = sizeof answer;
        LONG code = SCardTransmit(card, protocol == SCARD_PROTOCOL_T0 ? SCARD_PCI_T0 : SCARD_PCI_T1, get_uid,
                                  sizeof get_uid, NULL, answer, &length);
        if (code == SCARD_S_SUCCESS && length > 2) {
            for (DWORD i = 0; i < length - 2; i++)
                printf("%02x", answer[i]);
            printf("\n");
            fflush(stdout);
        }
        SCardDisconnect(card, SCARD_LEAVE_CARD);
    }
}
