"""The scripts of the PHP system's `cli/`, each a management command here."""

PER_TENANT = """
    auto_create_vconfig automated_backups backup build_theme_css copy_file cron
    cronmonitor customlang_import delete_users fix_mnet_tables fix_site_admins
    fix_vmoodle_rpcs fixture_launcher fixture_worker generateconfigs
    import_mapped_data init_mnet_node integrate_vmoodles ldap_enrol_sync
    ldap_sync_users maintenance make_subdirs maketestplan migratehvp2h5p
    mysql_collation mysql_compressed_rows mysql_engine purge_caches recover_grades
    register remove_courses renew_mnetkeys replace reset_admin reset_password
    run_command schedule_task setup_redis_instance start_mnet switch_domain
    switch_protocol sync_vmoodle_register uninstall_plugins update_langpacks upgrade
    upgrade_assignments vcron vcronmonitor
"""

BULK = """
    bulkbuildthemecss bulkcreatenodes bulkcustomlangimport bulkdestroynodes
    bulkfixsiteadmins bulkfixturelauncher bulkfixvmoodlerpcs bulkinitmnet
    bulkmaintenance bulkmigratehvp2h5p bulkmysqlcollation bulkmysqlcompressedrows
    bulkmysqlengine bulkpurgecaches bulkrecovergrades bulkregister bulkrenewmnetkeys
    bulkreplace bulkresetadmin bulkscheduletask bulksetupredisinstance bulksnapshot
    bulkstartmnet bulkswitchdomain bulkswitchprotocol bulkuninstallplugins
    bulkupdatelangpacks bulkupgrade bulkupgradeassignments
"""

# Those that are still to come.
LATER = ""

# The command classes, as PHP's `run_command` names them; the guide spells CopyFilearea.
CLASSES = """
    courses/CheckCourse courses/CreateCategory courses/DeleteCourse
    courses/DeleteCourseCategory courses/EmptyCourseCategory courses/RestoreCourse
    generic/CopyFile generic/CopyFileArea generic/CopyFilearea
    generic/CopyFullPluginConfig generic/CopyTable generic/Maintenance
    generic/PurgeCaches generic/SetConfig generic/SetPluginConfig
    generic/SyncLangCustomisation plugins/Plugin_Set_Filter_State
    plugins/Plugin_Set_State plugins/Plugins_Compare plugins/Plugins_Sync
    roles/Role_Allow_Compare roles/Role_Allow_Sync roles/Role_Capability_Sync
    roles/Role_Compare roles/Role_Sync sql/MultiSql sql/Sql upgrade/CheckStatus
    upgrade/Upgrade
"""
