/*
 * A reader driver for the tests that stands before a copy of vpcd's and adds the two things vpcd cannot do:
 * being unplugged, and telling pcscd at once that a card came or went (vpcd itself is polled every 400 ms).
 * pcscd names the device as for USB (usb:…:/dev/null:PORT); vpcd gets the part from /dev/ on.
 *
 * Everything else is passed on unchanged. Beside this library, in its own folder, stand
 *   vpcd.so     the copy of vpcd's driver that this shim loads (one per reader: vpcd keeps its state in globals)
 *   unplugged   while this file exists the reader is not there
 *   bell-0/-1   one FIFO per slot: a byte written to it makes pcscd look at the slot
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <libgen.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <PCSC/ifdhandler.h>
#include <PCSC/reader.h>

#define SLOTS 2

static void *vpcd;
static char folder[512];
static int bells[SLOTS] = {-1, -1};

static void beside(char *path, size_t size, const char *name)
{
    snprintf(path, size, "%s/%s", folder, name);
}

__attribute__((constructor)) static void load(void)
{
    Dl_info self;
    char path[600];
    if (!dladdr((void *) load, &self))
        return;
    snprintf(path, sizeof path, "%s", self.dli_fname);
    snprintf(folder, sizeof folder, "%s", dirname(path));
    beside(path, sizeof path, "vpcd.so");
    vpcd = dlopen(path, RTLD_NOW | RTLD_LOCAL);
}

static int unplugged(void)
{
    char path[600];
    beside(path, sizeof path, "unplugged");
    return access(path, F_OK) == 0;
}

/* Calls the function of the same name in vpcd's copy. */
#define PASS(function, ...) \
    __typeof__(&function) next = vpcd ? dlsym(vpcd, #function) : NULL; \
    return next ? next(__VA_ARGS__) : IFD_COMMUNICATION_ERROR

/*
 * pcscd calls this between two looks at a slot, with a timeout in milliseconds. One byte, one look: a swap needs two,
 * because vpcd shows the old card's absence before it takes the new one.
 */
static RESPONSECODE ring(DWORD Lun, int timeout)
{
    unsigned slot = Lun & 0xffff;
    char stroke;
    struct pollfd bell = {.events = POLLIN};
    if (slot >= SLOTS || bells[slot] < 0)
        return IFD_COMMUNICATION_ERROR;
    bell.fd = bells[slot];
    if (poll(&bell, 1, timeout) > 0 && read(bells[slot], &stroke, 1) != 1)
        return IFD_COMMUNICATION_ERROR;
    return IFD_SUCCESS;
}

RESPONSECODE IFDHCreateChannelByName(DWORD Lun, LPSTR DeviceName)
{
    unsigned slot = Lun & 0xffff;
    char path[600], name[16];
    const char *node = strstr(DeviceName, "/dev/");
    if (unplugged() || !node)
        return IFD_NO_SUCH_DEVICE;
    if (slot < SLOTS) {
        snprintf(name, sizeof name, "bell-%u", slot);
        beside(path, sizeof path, name);
        bells[slot] = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    }
    PASS(IFDHCreateChannelByName, Lun, (LPSTR) node);
}

RESPONSECODE IFDHCreateChannel(DWORD Lun, DWORD Channel)
{
    PASS(IFDHCreateChannel, Lun, Channel);
}

RESPONSECODE IFDHCloseChannel(DWORD Lun)
{
    unsigned slot = Lun & 0xffff;
    if (slot < SLOTS && bells[slot] >= 0) {
        close(bells[slot]);
        bells[slot] = -1;
    }
    PASS(IFDHCloseChannel, Lun);
}

RESPONSECODE IFDHGetCapabilities(DWORD Lun, DWORD Tag, PDWORD Length, PUCHAR Value)
{
    if (Tag == TAG_IFD_POLLING_THREAD_WITH_TIMEOUT && *Length >= sizeof(void *)) {
        RESPONSECODE (*function)(DWORD, int) = ring;
        memcpy(Value, &function, sizeof function);
        *Length = sizeof function;
        return IFD_SUCCESS;
    }
    if (Tag == TAG_IFD_POLLING_THREAD_KILLABLE && *Length >= 1) {
        *Value = 1;
        *Length = 1;
        return IFD_SUCCESS;
    }
    PASS(IFDHGetCapabilities, Lun, Tag, Length, Value);
}

RESPONSECODE IFDHSetCapabilities(DWORD Lun, DWORD Tag, DWORD Length, PUCHAR Value)
{
    PASS(IFDHSetCapabilities, Lun, Tag, Length, Value);
}

RESPONSECODE IFDHSetProtocolParameters(DWORD Lun, DWORD Protocol, UCHAR Flags, UCHAR PTS1, UCHAR PTS2, UCHAR PTS3)
{
    PASS(IFDHSetProtocolParameters, Lun, Protocol, Flags, PTS1, PTS2, PTS3);
}

RESPONSECODE IFDHPowerICC(DWORD Lun, DWORD Action, PUCHAR Atr, PDWORD AtrLength)
{
    if (unplugged())
        return IFD_NO_SUCH_DEVICE;
    PASS(IFDHPowerICC, Lun, Action, Atr, AtrLength);
}

RESPONSECODE IFDHTransmitToICC(DWORD Lun, SCARD_IO_HEADER SendPci, PUCHAR TxBuffer, DWORD TxLength, PUCHAR RxBuffer,
                               PDWORD RxLength, PSCARD_IO_HEADER RecvPci)
{
    if (unplugged())
        return IFD_NO_SUCH_DEVICE;
    PASS(IFDHTransmitToICC, Lun, SendPci, TxBuffer, TxLength, RxBuffer, RxLength, RecvPci);
}

RESPONSECODE IFDHControl(DWORD Lun, DWORD Code, PUCHAR TxBuffer, DWORD TxLength, PUCHAR RxBuffer, DWORD RxLength,
                         LPDWORD Returned)
{
    PASS(IFDHControl, Lun, Code, TxBuffer, TxLength, RxBuffer, RxLength, Returned);
}

RESPONSECODE IFDHICCPresence(DWORD Lun)
{
    if (unplugged())
        return IFD_NO_SUCH_DEVICE;
    PASS(IFDHICCPresence, Lun);
}
