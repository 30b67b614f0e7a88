#include "check/read.h"

#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void join(const struct rg_check_node *node, char out[PATH_MAX], const char *format, va_list args)
{
    int used = snprintf(out, PATH_MAX, "%s", node->root);
    if (used >= 0 && used < PATH_MAX)
        vsnprintf(out + used, (size_t)(PATH_MAX - used), format, args);
}

#define JOIN(path)                                                                                                     \
    va_list args;                                                                                                      \
    va_start(args, format);                                                                                            \
    join(node, path, format, args);                                                                                    \
    va_end(args)

void rg_check_path(const struct rg_check_node *node, char out[PATH_MAX], const char *format, ...)
{
    JOIN(out);
}

bool rg_check_exists(const struct rg_check_node *node, const char *format, ...)
{
    char path[PATH_MAX];
    JOIN(path);
    return access(path, F_OK) == 0;
}

/* Ends the text at its line's end, and before it at what is blank. */
static void clean(char *text)
{
    text[strcspn(text, "\n")] = '\0';
    size_t length = strlen(text);
    while (length > 0 && (text[length - 1] == ' ' || text[length - 1] == '\t'))
        text[--length] = '\0';
    for (; *text != '\0'; text++)
        if (*text < ' ' || *text > '~')
            *text = *text == '\t' ? ' ' : '?';
}

static bool first_line(const char *path, char out[RG_CHECK_LINE])
{
    out[0] = '\0';
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    if (fgets(out, RG_CHECK_LINE, file) == NULL)
        out[0] = '\0';
    fclose(file);
    clean(out);
    return out[0] != '\0';
}

bool rg_check_line(const struct rg_check_node *node, char out[RG_CHECK_LINE], const char *format, ...)
{
    char path[PATH_MAX];
    JOIN(path);
    return first_line(path, out);
}

int64_t rg_check_number(const struct rg_check_node *node, const char *format, ...)
{
    char path[PATH_MAX], line[RG_CHECK_LINE], *end;
    JOIN(path);
    if (!first_line(path, line))
        return RG_NONE;
    long long value = strtoll(line, &end, strncmp(line, "0x", 2) == 0 ? 16 : 10);
    return end == line ? RG_NONE : value;
}

bool rg_check_value(const struct rg_check_node *node, const char *path, const char *key, char out[RG_CHECK_LINE])
{
    char whole[PATH_MAX], line[1024];
    rg_check_path(node, whole, "%s", path);
    out[0] = '\0';
    FILE *file = fopen(whole, "re");
    while (file != NULL && out[0] == '\0' && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, key, strlen(key)) == 0) {
            const char *value = line + strlen(key);
            snprintf(out, RG_CHECK_LINE, "%s", value + strspn(value, " \t:"));
            clean(out);
        }
    if (file != NULL)
        fclose(file);
    return out[0] != '\0';
}

bool rg_check_library(const struct rg_check_node *node, const char *name, char out[PATH_MAX])
{
    static const char *const directories[] = {"/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu",
        "/lib/x86_64-linux-gnu", "/usr/lib64", "/lib64", "/usr/lib", "/usr/local/lib", NULL};
    char path[PATH_MAX];
    for (const char *const *directory = directories; *directory != NULL; directory++) {
        rg_check_path(node, path, "%s/%s", *directory, name);
        if (realpath(path, out) != NULL)
            return true;
    }
    return false;
}

bool rg_check_library_directory(const struct rg_check_node *node, int n, char out[PATH_MAX])
{
    const char *at = node->facts.library_path;
    for (; at != NULL; at = strchr(at, ':'), at += at != NULL) {
        size_t length = strcspn(at, ":");
        if (at[0] != '/' || length >= PATH_MAX || n-- > 0)
            continue;
        memcpy(out, at, length);
        out[length] = '\0';
        return true;
    }
    return false;
}

static int by_version(const void *a, const void *b)
{
    return strverscmp(*(char *const *)a, *(char *const *)b);
}

static bool add_name(char ***names, size_t *count, const char *name)
{
    char **grown = realloc(*names, (*count + 2) * sizeof *grown);
    if (grown == NULL)
        return false;
    *names = grown;
    grown[*count] = strdup(name);
    grown[*count + 1] = NULL;
    return grown[(*count)++] != NULL;
}

char **rg_check_names(const struct rg_check_node *node, const char *format, ...)
{
    char path[PATH_MAX], **names = calloc(1, sizeof *names);
    size_t count = 0;
    JOIN(path);
    DIR *directory = opendir(path);
    bool whole = directory != NULL && names != NULL;
    for (const struct dirent *entry; whole && (entry = readdir(directory)) != NULL;)
        if (entry->d_name[0] != '.')
            whole = add_name(&names, &count, entry->d_name);
    if (directory != NULL)
        closedir(directory);
    if (!whole) {
        rg_check_free_names(names);
        return NULL;
    }
    qsort(names, count, sizeof *names, by_version);
    return names;
}

void rg_check_free_names(char **names)
{
    for (char **name = names; name != NULL && *name != NULL; name++)
        free(*name);
    free(names);
}
