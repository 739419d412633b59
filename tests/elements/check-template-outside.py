# SPDX-License-Identifier: LGPL-2.1-or-later
"""Builds the template engine outside of the tree, with the commands of its README, against an installed SDK.

usage: check-template-outside.py SOURCE_DIR BUILD_DIR PREFIX LIBDIR PLUGINDIR
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

source, build, prefix, libdir, plugindir = sys.argv[1:6]
readme = os.path.join(source, 'plugins', 'template', 'README.md')


def run(command, **options):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=100,
                          **options)
    if done.returncode != 0:
        sys.exit(f'{command}\n{done.stdout}')
    return done.stdout


with tempfile.TemporaryDirectory() as folder:
    root = os.path.join(folder, 'root')
    # Not through meson's script with a prefix: a prefix is fixed when a tree is set up.
    run(['meson', 'install', '-C', build, '--no-rebuild', '--quiet', '--destdir', root])
    libraries = os.path.join(root + prefix, libdir)
    assert os.path.exists(os.path.join(root + plugindir, 'libgstmedleytemplate.so'))
    assert not os.path.exists(os.path.join(root + plugindir, 'libgstmedleyfake.so'))

    # What moves an installed tree to another place moves its .pc file's prefix.
    pc = os.path.join(libraries, 'pkgconfig', 'medley-1.0.pc')
    text = open(pc).read()
    open(pc, 'w').write(re.sub('^prefix=.*$', f'prefix={root}{prefix}', text, flags=re.M))

    work = os.path.join(folder, 'work')
    os.mkdir(work)
    shutil.copy(os.path.join(source, 'plugins', 'template', 'template.c'), work)
    env = dict(os.environ, PKG_CONFIG_PATH=os.path.dirname(pc), LD_LIBRARY_PATH=libraries, HOME=folder,
               GST_REGISTRY=os.path.join(folder, 'registry.bin'))
    env.pop('GST_PLUGIN_PATH', None)
    shown = re.findall(r'^```sh\n(.*?)^```', open(readme).read(), flags=re.M | re.S)
    assert len(shown) == 2, 'the README has two blocks of commands: build, and try'
    shown = '\n'.join(shown)
    linked = run(['ldd', os.path.join(libraries, 'libmedley-1.0.so')])
    for sanitizer in ('asan', 'tsan'):
        if f'lib{sanitizer}.so' not in linked:
            continue
        # The tree under test has the sanitizers: what loads it needs their library first. What the thread sanitizer
        # says beside a GLib that is not built with it means nothing.
        preload = run(['cc', f'-print-file-name=lib{sanitizer}.so']).strip()
        shown = shown.replace('GST_PLUGIN_PATH=.', 'ASAN_OPTIONS=detect_leaks=0 TSAN_OPTIONS=report_bugs=0 '
                              f'LD_PRELOAD={preload} GST_REGISTRY_FORK=no GST_PLUGIN_PATH=.')
    answer = run(['bash', '-ec', shown], cwd=work, env=env)
    assert os.path.exists(os.path.join(work, 'libgstmedleytemplate.so'))
    assert './libgstmedleytemplate.so' in answer, answer
    assert 'text-to-text/upper-case' in answer, answer
    assert 'A GRAIN OF NaCl' in answer, answer
