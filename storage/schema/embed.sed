# SPDX-License-Identifier: Apache-2.0
# SQL -> C string literals, one a line. In a file of its own, as meson turns backslashes in commands into slashes.
s/[\\"]/\\&/g
s/^.*$/"&\\n"/
