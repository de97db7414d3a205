/* SPDX-License-Identifier: BSD-3-Clause */
#include "../base/mutant.h"

#include <ctype.h>

#include <rps/world.h>

#include "suite_main.h"

/* "LAY-027": letters, a dash, three digits. Return: what follows. */
static const char *skip_id(const char *text)
{
	unsigned int letters = 0;

	while (isupper((unsigned char)text[letters]))
		letters++;
	if (letters < 2 || letters > 3 || text[letters] != '-')
		return NULL;
	text += letters + 1;
	for (unsigned int i = 0; i < 3; i++) {
		if (!isdigit((unsigned char)*text++))
			return NULL;
	}
	return text;
}

static bool is_id(const char *text)
{
	const char *rest = skip_id(text);

	return rest && *rest == '\0';
}

/* Ids with one space between them, "*" for all at the end; or nothing. */
static bool is_id_list(const char *text)
{
	while (*text) {
		const char *rest = *text == '*' ? text + 1 : skip_id(text);

		if (!rest || (*rest != '\0' && *rest != ' '))
			return false;
		text = *rest ? rest + 1 : rest;
	}
	return true;
}

static struct rps_mutant_info mutant(int number)
{
	struct rps_mutant_info info;

	ck_assert(rps_mutant_get((uint32_t)number, &info));
	return info;
}

START_TEST(a_mutant_names_the_requirement_it_violates)
{
	struct rps_mutant_info info = mutant(_i);

	ck_assert_msg(is_id(info.requirement), "%s: '%s'", info.name,
		      info.requirement);
	ck_assert_msg(is_id_list(info.also), "%s: '%s'", info.name, info.also);
	ck_assert_msg(!strstr(info.also, info.requirement), "%s", info.name);
	ck_assert_uint_gt(strlen(info.what), 0);
}
END_TEST

START_TEST(a_mutant_has_a_name_of_its_own)
{
	struct rps_mutant_info info = mutant(_i);

	ck_assert_uint_gt(strlen(info.name), 0);
	for (const char *at = info.name; *at; at++)
		ck_assert_msg(islower((unsigned char)*at) || *at == '_' ||
				      isdigit((unsigned char)*at),
			      "%s", info.name);
	ck_assert_uint_eq(rps_mutant_find(info.name), (uint32_t)_i);
}
END_TEST

START_TEST(other_names_and_numbers_are_no_mutants)
{
	struct rps_mutant_info info;

	ck_assert_uint_eq(rps_mutant_find("none"), 0);
	ck_assert_uint_eq(rps_mutant_find(""), 0);
	ck_assert_uint_eq(rps_mutant_find("no_such_mutant"), 0);
	ck_assert(!rps_mutant_get(0, &info));
	ck_assert(!rps_mutant_get(NUM_MUTANTS, &info));
	ck_assert(!rps_mutant_get(UINT32_MAX, &info));
}
END_TEST

START_TEST(an_end_has_one_mutant_at_most)
{
	struct rps_mem mem = { .mutant = MUTANT_ns_always_on };

	ck_assert(mutated(&mem, MUTANT_ns_always_on));
	ck_assert(!mutated(&mem, MUTANT_ns_any_length));
	mem.mutant = MUTANT_none;
	ck_assert(!mutated(&mem, MUTANT_ns_always_on));
}
END_TEST

START_TEST(a_census_makes_no_error_and_remembers_each_chance)
{
	struct rps_mem mem = { .mutant = RPS_MUTANT_CENSUS };
	bool reached[NUM_MUTANTS - 1];

	rps_mutant_census(reached, 0);
	ck_assert(!mutated(&mem, MUTANT_ns_always_on));

	ck_assert_uint_eq(rps_mutant_census(reached, NUM_MUTANTS - 1),
			  NUM_MUTANTS - 1);
	for (unsigned int i = 1; i < NUM_MUTANTS; i++)
		ck_assert_int_eq(reached[i - 1], i == MUTANT_ns_always_on);
	rps_mutant_census(reached, NUM_MUTANTS - 1);
	ck_assert(!reached[MUTANT_ns_always_on - 1]);
}
END_TEST

START_TEST(the_library_has_a_mutant_of_its_own)
{
	ck_assert(!library_mutated(MUTANT_ns_always_on));
	rps_mutant_set_library(MUTANT_ns_always_on);
	ck_assert(library_mutated(MUTANT_ns_always_on));
	ck_assert(!library_mutated(MUTANT_ns_any_length));
	rps_mutant_set_library(MUTANT_none);
	ck_assert(!library_mutated(MUTANT_ns_always_on));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("mutant");
	TCase *tcase = tcase_create("table");

	tcase_add_loop_test(tcase, a_mutant_names_the_requirement_it_violates,
			    1, NUM_MUTANTS);
	tcase_add_loop_test(tcase, a_mutant_has_a_name_of_its_own, 1,
			    NUM_MUTANTS);
	tcase_add_test(tcase, other_names_and_numbers_are_no_mutants);
	tcase_add_test(tcase, an_end_has_one_mutant_at_most);
	tcase_add_test(tcase,
		       a_census_makes_no_error_and_remembers_each_chance);
	tcase_add_test(tcase, the_library_has_a_mutant_of_its_own);
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
