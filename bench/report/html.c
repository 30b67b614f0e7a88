#include "report/html.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_MOST_BYTES 4600000
#define BESIDE_PICTURES 500000 /* of a run: points, environment, expectations */
#define PICTURES_LEAST 100000

size_t rg_report_html_room(size_t runs, size_t beside_bytes)
{
    size_t used = strlen(rg_html_page) + runs * BESIDE_PICTURES + beside_bytes;
    size_t room = used < PAGE_MOST_BYTES ? (PAGE_MOST_BYTES - used) / (runs ? runs : 1) : 0;
    return room > PICTURES_LEAST ? room : PICTURES_LEAST;
}

/* As text between tags. */
static void print_text(const char *text, FILE *out)
{
    for (; *text != '\0'; text++) {
        if (*text == '<' || *text == '>' || *text == '&')
            fprintf(out, "&#%d;", *text);
        else
            fputc(*text, out);
    }
}

/* JSON inside a script element: `<` and its like can only be in strings, where they have another form. */
static void print_json(const char *json, FILE *out)
{
    for (; *json != '\0'; json++) {
        if (*json == '<' || *json == '>' || *json == '&')
            fprintf(out, "\\u%04x", *json);
        else
            fputc(*json, out);
    }
}

static void print_title(const struct rg_html_content *content, FILE *out)
{
    print_text(content->title, out);
}

static void print_sentences(const struct rg_html_content *content, FILE *out)
{
    for (size_t i = 0; i < content->runs; i++) {
        fputs("<p>", out);
        print_text(content->sentences[i], out);
        fputs("</p>", out);
    }
}

/* A text as a JSON string, likewise. */
static void print_string(const char *text, FILE *out)
{
    fputc('"', out);
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < 0x20 || strchr("\"\\<>&", *text) != NULL)
            fprintf(out, "\\u%04x", (unsigned char)*text);
        else
            fputc(*text, out);
    }
    fputc('"', out);
}

static void print_data(const struct rg_html_content *content, FILE *out)
{
    fputs("{\"title\":", out);
    print_string(content->title, out);
    fputs(",\"runs\":[", out);
    for (size_t i = 0; i < content->runs; i++) {
        if (i > 0)
            fputc(',', out);
        print_json(content->digests[i], out);
    }
    fputs("],\"odd\":[", out);
    for (size_t i = 0; i < content->runs; i++) {
        fputs(i > 0 ? ",[" : "[", out);
        for (int s = 0; s < content->odd[i].count; s++) {
            fputs(s > 0 ? "," : "", out);
            print_string(content->odd[i].sentences[s], out);
        }
        fputc(']', out);
    }
    fputs("],\"history\":", out);
    print_json(content->history ? content->history : "null", out);
    fputs(",\"plan\":", out);
    print_json(content->plan ? content->plan : "null", out);
    fputs(",\"why_no_plan\":", out);
    print_string(content->why_not ? content->why_not : "", out);
    fputc('}', out);
}

/* What stands in the page for what is put there; each once, in this order. */
static const struct {
    const char *mark;
    void (*print)(const struct rg_html_content *content, FILE *out);
} marks[] = {
    {"@railgauge:title@", print_title},
    {"@railgauge:sentences@", print_sentences},
    {"@railgauge:data@", print_data},
};

int rg_report_html(const struct rg_html_content *content, char **out, struct rg_error *err)
{
    const char *from = rg_html_page;
    char *text = NULL;
    size_t bytes = 0;
    if (from[0] == '\0')
        return rg_fail(
            err, -ENOSYS, "this railgauge was built without the report's page: build it where Node.js and npm are");
    FILE *stream = open_memstream(&text, &bytes);
    if (stream == NULL)
        return rg_fail(err, -ENOMEM, "no memory for the page");
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        const char *at = strstr(from, marks[i].mark);
        if (at == NULL)
            continue;
        fwrite(from, 1, (size_t)(at - from), stream);
        marks[i].print(content, stream);
        from = at + strlen(marks[i].mark);
    }
    fputs(from, stream);
    if (fclose(stream) != 0 || text == NULL) {
        free(text);
        return rg_fail(err, -ENOMEM, "no memory for the page");
    }
    *out = text;
    return 0;
}
