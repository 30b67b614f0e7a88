#include "cmd/cmd.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int rg_cmd_refuse(const char *command, int status, const struct rg_error *err)
{
    fprintf(stderr, "railgauge %s: %s\n", command, err->text);
    return status;
}

bool rg_cmd_parse(const struct rg_command *command, int argc, char **argv, struct rg_args *args, int *status)
{
    struct rg_error err = {{0}};
    for (size_t g = 0; g < command->group_count; g++)
        rg_args_defaults(&command->groups[g]);
    if (rg_args_parse(command, argc, argv, args, &err) != 0) {
        *status = rg_cmd_refuse(command->name, RG_EXIT_USAGE, &err);
        return false;
    }
    *status = RG_EXIT_PASS;
    if (args->help)
        rg_args_print_help(command, stdout);
    if (args->man)
        rg_args_print_man(command, stdout);
    return !args->help && !args->man;
}

int rg_cmd_no_words(const char *command, const struct rg_args *args, struct rg_error *err)
{
    if (args->word_count + args->rest_count == 0)
        return 0;
    return rg_fail(err, -EINVAL, "unexpected word '%s'; see railgauge %s --help",
        args->word_count > 0 ? args->words[0] : args->rest[0], command);
}

void rg_cmd_data_directory(const char *kind, char *out, size_t room)
{
    char self[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    self[length < 0 ? 0 : length] = '\0';
    char *slash = strrchr(self, '/');
    if (slash != NULL)
        *slash = '\0';
    snprintf(out, room, "%s/../share/railgauge/%s", self, kind);
    if (access(out, R_OK) == 0)
        return;
    /* build/railgauge or build/asan/railgauge in the source tree */
    for (int up = 0; up < 3; up++) {
        snprintf(out, room, "%s/%s", self, strcmp(kind, "suites") == 0 ? "jobs/suites" : "results-schema/machines");
        if (access(out, R_OK) == 0 || (slash = strrchr(self, '/')) == NULL)
            return;
        *slash = '\0';
    }
}

/* "there is no suite 'x'; there are: demo, quick" */
static int no_such(const char *kind, const char *name, const char *directory, struct rg_error *err)
{
    char list[512] = "";
    DIR *entries = opendir(directory);
    for (const struct dirent *entry; entries != NULL && (entry = readdir(entries)) != NULL;) {
        size_t length = strlen(entry->d_name), used = strlen(list);
        if (length > 5 && strcmp(entry->d_name + length - 5, ".json") == 0)
            snprintf(list + used, sizeof list - used, "%s%.*s", used ? ", " : "", (int)length - 5, entry->d_name);
    }
    if (entries != NULL)
        closedir(entries);
    return rg_fail(err, -ENOENT, "there is no %s '%s'; there are: %s; a file of your own is given by its path", kind,
        name, list[0] ? list : "none");
}

int rg_cmd_load_suite(const char *name, struct rg_suite *out, struct rg_error *err)
{
    char directory[PATH_MAX], path[PATH_MAX];
    rg_cmd_data_directory("suites", directory, sizeof directory);
    rg_suite_path(name, directory, path, sizeof path);
    if (strcmp(path, name) != 0 && access(path, F_OK) != 0)
        return no_such("suite", name, directory, err);
    return rg_suite_load(path, out, err);
}

int rg_cmd_load_machine(const char *name, struct rg_machine *out, struct rg_error *err)
{
    char directory[PATH_MAX], path[PATH_MAX];
    rg_cmd_data_directory("machines", directory, sizeof directory);
    rg_suite_path(name, directory, path, sizeof path);
    if (strcmp(path, name) != 0 && access(path, F_OK) != 0)
        return no_such("machine", name, directory, err);
    return rg_machine_load(path, out, err);
}

int rg_cmd_apply_settings(const struct rg_args *args, struct rg_suite *suite, struct rg_error *err)
{
    int code = 0;
    for (size_t i = 0; code == 0 && i < args->given_count; i++) {
        const struct rg_option *row = args->given[i].row;
        if (row < rg_settings_rows || row >= rg_settings_rows + rg_settings_row_count)
            continue;
        for (size_t t = 0; code == 0 && t < suite->test_count; t++)
            code = rg_args_set(row, &suite->tests[t], args->given[i].text, err);
    }
    return code == 0 ? rg_suite_check(suite, err) : code;
}
