// SPDX-License-Identifier: MIT
/* A module that does nothing: loading it costs what loading costs. */
#include <linux/module.h>

static int __init empty_init(void)
{
	return 0;
}

static void __exit empty_exit(void)
{
}

module_init(empty_init);
module_exit(empty_exit);
MODULE_LICENSE("Dual MIT/GPL");
MODULE_DESCRIPTION("Keel benchmarks: a module that does nothing");
