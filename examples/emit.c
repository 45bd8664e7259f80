/*
 * Writes one TEST record, as root:
 *
 *   cc examples/emit.c $(pkg-config --cflags --libs audit_core) -o emit && ./emit
 */

#include <stdio.h>
#include <string.h>

#include <audit_core.h>

static audit_core_code emit(const char *path)
{
    audit_core_handle *handle = NULL;
    audit_core_record *record = NULL;
    audit_core_code code;

    if ((code = audit_core_open(&handle)) == AUDIT_CORE_CODE_OK
        && (code = audit_core_record_new("TEST", &record)) == AUDIT_CORE_CODE_OK
        && (code = audit_core_record_word(record, "op", "example")) == AUDIT_CORE_CODE_OK
        && (code = audit_core_record_untrusted(record, "path", path, strlen(path)))
               == AUDIT_CORE_CODE_OK
        && (code = audit_core_record_outcome(record, true)) == AUDIT_CORE_CODE_OK)
        code = audit_core_send(handle, record);

    if (code != AUDIT_CORE_CODE_OK)
        fprintf(stderr, "emit: %s\n", audit_core_error_text());
    audit_core_record_free(record);
    audit_core_close(handle);
    return code;
}

int main(int argc, char **argv)
{
    const char *path = argc > 1 ? argv[1] : "a path; with anything in it";

    if (emit(path) != AUDIT_CORE_CODE_OK)
        return 1;
    puts("the kernel has the record; find it with: ausearch -m TEST -ts recent -i");
    return 0;
}
