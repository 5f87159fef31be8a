# U-Boot: which slot is started. Three tries a slot; a unit that has come up gives them back, one that
# starts a new release only once that has proven itself (rauc mark-good, firmware/release/proving.py).
# The environment is ours and raw: a block with a CRC at 1 MiB, a copy 64 KiB on. Whoever dies while one is written leaves
# the other whole. What is loaded is compared with the sums in the slot's own file before it is started.
# Nobody types here: no key ends a wait or breaks off what follows.
setenv stdin nulldev
if test "${board}" = "rpi"; then
  setenv scratch 0x01000000; setenv kernel_at 0x02000000; setenv initrd_at 0x0c000000
  setenv console "console=ttyS1,115200 console=tty0"
  if test "${fdtfile}" = "broadcom/bcm2837-rpi-3-b.dtb"; then setenv console "console=ttyS1,115200"; fi
else
  setenv scratch 0x46000000; setenv kernel_at 0x48000000; setenv initrd_at 0x50000000
  setenv console "console=ttyAMA0,115200"
  # QEMU's eight GPIO lines stand for the panel's (hw/panel/pins.toml), and the board for a Pi 4B, whose header has them.
  fdt addr ${fdt_addr}
  fdt resize 512
  fdt rm /gpio-keys
  fdt mknode / system
  fdt set /system linux,revision <0x00c03111>
  fdt set /pl061@9030000 gpio-line-names GPIO17 GPIO27 GPIO22 GPIO23 GPIO5 GPIO6 GPIO13 GPIO19
fi
setenv device ${devtype} ${devnum}
${devtype} dev ${devnum}

setenv known
for block in 0x800 0x880; do
  if test -z "${known}"; then
    if ${devtype} read ${scratch} ${block} 0x20; then
      if env import -c ${scratch} 0x4000 BOOT_ORDER BOOT_A_LEFT BOOT_B_LEFT; then setenv known 1; else echo "hdu: environment at ${block} is damaged"; fi
    fi
  fi
done
if test -z "${known}"; then echo "hdu: no environment, beginning anew"; fi
test -n "${BOOT_ORDER}" || setenv BOOT_ORDER "A B"
test -n "${BOOT_A_LEFT}" || setenv BOOT_A_LEFT 3
test -n "${BOOT_B_LEFT}" || setenv BOOT_B_LEFT 3
setenv keep "env export -c -s 0x4000 ${scratch} BOOT_ORDER BOOT_A_LEFT BOOT_B_LEFT; ${devtype} write ${scratch} 0x800 0x20; ${devtype} write ${scratch} 0x880 0x20"

# crc32 leaves the sum in memory as this machine has its words, or big-endian where U-Boot is made with CONFIG_HASH, as
# QEMU's is and the Pi's is not: both are in the slot's file.
# Kernel and initrd of partition ${part}, whole and as their slot file says; else ${whole} stays empty.
setenv load_slot '
  setenv whole; setenv hdu_hash; setenv hdu_kernel; setenv hdu_kernel_be; setenv hdu_initrd; setenv hdu_initrd_be;
  if load ${device}:${part} ${scratch} slot.env; then env import -t ${scratch} ${filesize} hdu_hash hdu_offset hdu_kernel hdu_kernel_be hdu_initrd hdu_initrd_be; fi;
  if load ${device}:${part} ${kernel_at} vmlinuz; then
    crc32 ${kernel_at} ${filesize} ${scratch};
    if itest.l *${scratch} == 0x${hdu_kernel} || itest.l *${scratch} == 0x${hdu_kernel_be}; then
      if load ${device}:${part} ${initrd_at} initrd.img; then
        setenv initrd_size ${filesize};
        crc32 ${initrd_at} ${filesize} ${scratch};
        if itest.l *${scratch} == 0x${hdu_initrd} || itest.l *${scratch} == 0x${hdu_initrd_be}; then setenv whole 1; fi;
      fi;
    fi;
  fi'

setenv slot
for name in ${BOOT_ORDER}; do
  setenv part
  if test -z "${slot}"; then
    if test "${name}" = "A"; then
      if test ${BOOT_A_LEFT} -gt 0; then setexpr BOOT_A_LEFT ${BOOT_A_LEFT} - 1; setenv part 2; setenv root 05; setenv left ${BOOT_A_LEFT}; fi
    fi
    if test "${name}" = "B"; then
      if test ${BOOT_B_LEFT} -gt 0; then setexpr BOOT_B_LEFT ${BOOT_B_LEFT} - 1; setenv part 3; setenv root 06; setenv left ${BOOT_B_LEFT}; fi
    fi
  fi
  if test -n "${part}"; then
    run keep
    echo "hdu: slot ${name}, ${left} tries left after this one"
    run load_slot
    if test -n "${whole}"; then setenv slot ${name}; else echo "hdu: kernel or initrd of slot ${name} is damaged"; fi
  fi
done

if test -z "${slot}"; then
  # Neither slot has a try left. Not a loop: red lamp on, then one try for each, at this slow pace: what was a card gone
  # slow, or a supply too weak, comes back by itself; what is broken for good shows red and waits for a technician.
  echo "hdu: no slot starts; waiting @WAIT_S@ s, then one try for each"
  if test "${board}" = "rpi"; then gpio clear 13; gpio set 19; fi
  sleep @WAIT_S@
  setenv BOOT_ORDER "A B"; setenv BOOT_A_LEFT 1; setenv BOOT_B_LEFT 1
  run keep
  reset
fi

setenv bootargs "hdu.root=48445531-${root} hdu.hash=${hdu_hash} hdu.offset=${hdu_offset} hdu.data=48445531-07 rauc.slot=${slot} ro panic=5 quiet loglevel=4 ${console}@MORE@"
echo "hdu: starting slot ${slot}"
booti ${kernel_at} ${initrd_at}:${initrd_size} ${fdt_addr}
echo "hdu: slot ${slot} did not start"
reset
